import { CLOSE, type CloseCode, REASONS } from '../../lib/close-codes.ts'
import { Credit, OUT_RATE, Outflow, SEED_OUT_RATE } from '../../lib/credit.ts'
import { batchFrame, type Chunk } from '../../lib/event-frames.ts'
import { Slots } from '../../lib/slots.ts'
import { type Bucket, fullBucket, type Rate, take } from '../../lib/token-bucket.ts'
import type { Room } from './room.ts'

/** Who a socket belongs to, as the Worker verified it. It outlives hibernation. */
export type Identity = {
  userId: string
  sessionId: string
  username: string | null
  displayName: string
  mode: 'chat.v1' | 'seed'
  connectionId: string
  /** Milliseconds since 1970. */
  since: number
  hasResumed: boolean
  /** Ids of the channels that are looked at. */
  focused: string[]
}

/** Where a socket is in a channel. `position` is the number of the last event sent; unknown after hibernation. */
export type Stream = {
  readonly room: Room
  readonly connection: Connection
  position: number | undefined
  isLive: boolean
  /** Seen because the channel is public, as contract 3 wants it, and not by membership. */
  isGuest: boolean
  isReading: boolean
}

/** One frame of events in this time on the average; so many may go at once, and what is above gathers. */
export const GATHER_MS = 16
const MAX_AT_ONCE = 4
const MAX_GATHERED_EVENTS = 100
const MAX_GATHERED_BYTES = 65_536
/** Streams of one socket that read the log at once. */
const READS_AT_ONCE = 4
const BAD_FRAMES = 3
const BAD_WINDOW_MS = 60_000

/** One socket: what goes out, what of it is confirmed, and how much comes in. */
export class Connection {
  readonly socket: WebSocket
  readonly identity: Identity
  readonly streams = new Map<string, Stream>()
  readonly credit: Credit
  readonly reads = new Slots(READS_AT_ONCE)
  /** Nothing of its channels is sent until it is known whether its user is still in them. */
  isHeld = false
  /** How often that was doubted: an answer to an earlier doubt does not lift a later one. */
  holds = 0
  /** Since when nothing is looked at, by the client's own word. */
  unfocusedSince: number | undefined
  lastFrameAt: number
  isClosed = false
  readonly #frameRate: Rate
  readonly #frames: Bucket
  readonly #outflow: Outflow
  #badFrames: number[] = []
  #refused = 0
  #refusedAt = 0
  #last: Promise<unknown> = Promise.resolve()
  /** When the frames sent so far would all have had their time. */
  #pacedUntil = 0
  #gathered: string[] = []
  #gatheredEvents = 0
  #gatheredBytes = 0
  #typedAt = new Map<string, number>()

  constructor(socket: WebSocket, identity: Identity, framesPerSecond: number, total: { bytes: number }, now: number) {
    this.credit = new Credit(total)
    this.socket = socket
    this.identity = identity
    this.lastFrameAt = now
    this.#outflow = new Outflow(identity.mode === 'seed' ? SEED_OUT_RATE : OUT_RATE, now)
    this.#frameRate = { perSecond: framesPerSecond, burst: framesPerSecond * 2 }
    this.#frames = fullBucket(this.#frameRate, now)
  }

  get isSeed(): boolean {
    return this.identity.mode === 'seed'
  }

  /** Before its first `resume` a client of `chat.v1` is sent nothing. */
  get isReady(): boolean {
    return this.isSeed || this.identity.hasResumed
  }

  markResumed(): void {
    this.identity.hasResumed = true
    this.remember()
  }

  /** What is kept of it through hibernation. */
  remember(): void {
    this.socket.serializeAttachment(this.identity)
  }

  /** Sends a frame that is no event, after all that has gathered. */
  send(frame: string): void {
    this.flush()
    this.#outflow.add(frame.length, Date.now())
    this.#write(frame)
  }

  /** Sends what a client of contract 3 does not know, and one that has not resumed does not hear. */
  tell(frame: string): void {
    if (!this.isSeed && this.isReady) this.send(frame)
  }

  /** Sends what may be lost, and is the first that a slow reader does not get. */
  hint(frame: string): void {
    if (this.credit.used <= 0.5 && this.fullForMs(Date.now()) === 0) this.tell(frame)
  }

  /** In how many milliseconds more may be sent, whatever was confirmed; 0 when it may be now. */
  fullForMs(now: number): number {
    return this.#outflow.waitMs(now)
  }

  /** Sends events that were missed. `sent` is what of them the client is to confirm. */
  replay(channelId: string, frame: string, sent: { to: number; events: number; bytes: number }, now: number): void {
    this.flush()
    this.credit.add(channelId, sent, now)
    this.#outflow.add(sent.bytes, now)
    this.#write(frame)
  }

  /** Sends events, at once while it is not sent many frames. True when something gathers, and `flush` must be called soon. */
  sendEvents(channelId: string, chunk: Chunk, now: number): boolean {
    this.credit.add(channelId, chunk, now)
    this.#outflow.add(chunk.bytes, now)
    if (this.#gatheredEvents === 0 && this.#pacedUntil - now < GATHER_MS * MAX_AT_ONCE) {
      this.#pacedUntil = Math.max(this.#pacedUntil, now) + GATHER_MS
      this.#write(chunk.framed)
      return false
    }
    const isFull =
      this.#gatheredEvents + chunk.events > MAX_GATHERED_EVENTS ||
      this.#gatheredBytes + chunk.bytes > MAX_GATHERED_BYTES
    if (isFull) this.flush()
    this.#gathered.push(chunk.joined)
    this.#gatheredEvents += chunk.events
    this.#gatheredBytes += chunk.bytes
    return true
  }

  flush(): void {
    if (this.#gatheredEvents === 0) return
    const frame = batchFrame(this.#gathered.join(','), this.#gatheredEvents)
    this.#gathered = []
    this.#gatheredEvents = 0
    this.#gatheredBytes = 0
    this.#pacedUntil += GATHER_MS
    this.#write(frame)
  }

  /** Sends a frame of contract 3, and ends the socket when it takes more than such a one may. */
  sendSeed(frame: string, now: number): void {
    this.#outflow.add(frame.length, now)
    if (this.fullForMs(now) > 0) this.close(CLOSE.slow)
    else this.#write(frame)
  }

  close(code: CloseCode): void {
    if (this.isClosed) return
    this.flush()
    this.isClosed = true
    try {
      this.socket.close(code, REASONS[code])
    } catch {
      // It was closing already.
    }
  }

  /** Counts a frame that came in. Gives 0, or how many milliseconds to wait; `abuse` when that does not help. */
  countFrame(now: number): number | 'abuse' {
    this.lastFrameAt = now
    const waitMs = take(this.#frames, this.#frameRate, now)
    if (waitMs === 0) return 0
    // Refused frames cost too: it ends after as many as 100 seconds may have.
    this.#refused = Math.max(0, this.#refused - ((now - this.#refusedAt) / 1_000) * this.#frameRate.perSecond) + 1
    this.#refusedAt = now
    return this.#refused > this.#frameRate.perSecond * 100 ? 'abuse' : waitMs
  }

  /** Counts a frame that nobody can read. True when there were too many of them. */
  countBadFrame(now: number): boolean {
    this.#badFrames = [...this.#badFrames.filter((at) => now - at < BAD_WINDOW_MS), now]
    return this.#badFrames.length >= BAD_FRAMES
  }

  /** Does one after the other, as they came. */
  inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  /** Whether it is told that this user types here; at most once in three seconds. */
  mayType(channelId: string, now: number): boolean {
    if (now - (this.#typedAt.get(channelId) ?? 0) < 3_000) return false
    this.#typedAt.set(channelId, now)
    if (this.#typedAt.size > 100) this.#typedAt.clear()
    return true
  }

  #write(frame: string): void {
    if (this.isClosed) return
    try {
      this.socket.send(frame)
    } catch {
      // It has gone, and its closing will be told.
      this.isClosed = true
    }
  }
}
