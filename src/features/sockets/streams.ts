import { describeError, type Log } from '../../http/log.ts'
import { type ChannelEvent, frameWithNonce, type LogPage, type Subscribed } from '../../lib/channel-commands.ts'
import { Slots } from '../../lib/slots.ts'
import { utf8Length } from '../../lib/token-estimate.ts'
import type { Connection, Stream } from './connection.ts'
import { frame } from './frames.ts'
import type { Delivery, Room } from './room.ts'
import type { Sockets } from './sockets.ts'

const REPLAY_EVENTS = 200
const REPLAY_BYTES = 131_072
const READS_AT_ONCE = 50
/** Of all sockets together; above it those that read slowly wait sooner. */
const MAX_OUTSTANDING = 64 * 2 ** 20
const REFUSALS = 3
/** Who has got too much for now looks again after this at the latest. */
const LOOK_AGAIN_MS = 1_000

type Channels = {
  subscribe: (channelId: string) => Promise<Subscribed | undefined>
  read: (channelId: string, after: number, limit: number) => Promise<LogPage | undefined>
  /** These users may have come or gone without this Gateway having been told. */
  doubted: (userIds: string[]) => Promise<void>
  /** There is no such channel any more. */
  gone: (channelId: string) => void
  /** It is not public, for who only looks at it. */
  hidden: (channelId: string) => void
  /** Something waits in a socket to be flushed soon. */
  gathered: (connection: Connection) => void
  log: Log
}

/** A place in a channel that a client has kept. */
export type Position = { epoch: number; seq: number }

/**
 * Where each socket is in each channel: one mechanism for who is live, who comes back, who missed something and who reads slowly.
 * Nothing is kept for a socket that is behind; it gets it from the log.
 */
export class Streams {
  readonly #sockets: Sockets
  readonly #channels: Channels
  readonly #reads = new Slots(READS_AT_ONCE)

  constructor(sockets: Sockets, channels: Channels) {
    this.#sockets = sockets
    this.#channels = channels
  }

  /** Events for everybody in a room. */
  deliver(room: Room, delivery: Delivery, now: number): void {
    for (const stream of room.streams.values()) this.deliverTo(stream, delivery, now)
  }

  /** Events up to a number for one socket, if it is live and they follow on what it has; otherwise it catches up. */
  deliverTo(stream: Stream, delivery: Delivery, now: number, upTo = delivery.to): void {
    const { connection, room } = stream
    if (!connection.isReady) return
    // Contract 3 has no log to catch up from: while it is doubted that they are members they hear nothing.
    if (connection.isSeed) {
      if (connection.isHeld) return
      for (const { seq, frame } of delivery.seedFrames) {
        if (seq > (stream.position ?? 0) && seq <= upTo) connection.sendSeed(frame, now)
      }
      stream.position = Math.max(stream.position ?? 0, upTo)
      return
    }
    if (!stream.isLive) {
      // From here on it has not been sent what there was.
      stream.position ??= delivery.from - 1
      return
    }
    // After hibernation nobody knows: the client drops what it has and asks for what it has not.
    const position = stream.position ?? delivery.from - 1
    if (upTo <= position) return
    if (delivery.from > position + 1 || this.#isOverCredit(connection) || connection.fullForMs(now) > 0) {
      stream.position = position
      stream.isLive = false
      this.start(stream)
      return
    }
    for (const chunk of delivery.chunksFor(connection.identity.userId, position, upTo)) {
      if (connection.sendEvents(room.id, chunk, now)) this.#channels.gathered(connection)
    }
    stream.position = upTo
  }

  /** A client has processed what it was sent, so that it can be sent more. */
  confirm(connection: Connection, positions: Record<string, number>, now: number): void {
    for (const [channelId, seq] of Object.entries(positions)) {
      connection.credit.confirm(channelId, seq, now)
    }
    if (this.#isOverCredit(connection)) return
    for (const stream of connection.streams.values()) if (!stream.isLive) this.start(stream)
  }

  /** Begins in a channel after what the client has, or with what comes next. Resolves when the socket is live. */
  async begin(connection: Connection, channelId: string, given: Position | undefined): Promise<void> {
    const stream = connection.streams.get(channelId) ?? this.#sockets.enter(connection, channelId)
    const { room } = stream
    if (!(await this.subscribed(room))) return
    if (given && given.epoch === room.epoch && given.seq > room.head!) await this.#resubscribe(room)
    if (!this.#isWanted(stream)) return
    if (given && (given.epoch !== room.epoch || given.seq > room.head!)) {
      this.#reset(stream, given.epoch === room.epoch ? 'ahead' : 'epoch')
      return
    }
    stream.position = given?.seq ?? room.head
    stream.isLive = stream.position === room.head && !connection.isHeld
    if (!stream.isLive) await this.#catchUp(stream)
  }

  /** Sends what comes after a number, whatever was sent before. */
  goBack(stream: Stream, after: number): void {
    if (stream.connection.isSeed) return
    stream.position = stream.room.head === undefined ? after : Math.min(after, stream.room.head)
    stream.isLive = false
    this.start(stream)
  }

  start(stream: Stream): void {
    this.#catchUp(stream).catch((error) => {
      // The tick tries again.
      this.#channels.log('warn', 'catch_up_failed', { channel: stream.room.id, ...describeError(error) })
    })
  }

  /** The channel tells this Gateway of what happens. False when there is no such channel. */
  async subscribed(room: Room): Promise<boolean> {
    room.subscribed ??= this.#subscribe(room)
    await room.subscribed
    return this.#sockets.rooms.get(room.id) === room
  }

  /** An earlier subscription does not hold any more. */
  #resubscribe(room: Room): Promise<boolean> {
    room.subscribed = undefined
    return this.subscribed(room)
  }

  /** A channel has come so far: who does not have it all catches up. */
  async bringUp(room: Room, head: number): Promise<void> {
    if (head > (room.head ?? -1)) {
      await this.#resubscribe(room)
      room.advance(head)
      for (const { position, connection } of room.streams.values()) {
        // Who is held hears it when they are not any more.
        if (position === undefined && !connection.isHeld) connection.tell(headsFrame([room]))
      }
    }
    this.#nudge(room, head)
  }

  /** Whoever is behind reads what they have not. */
  #nudge(room: Room, head: number): void {
    for (const stream of room.streams.values()) {
      if (stream.connection.isSeed || stream.position === undefined || stream.position >= head) continue
      stream.isLive = false
      this.start(stream)
    }
  }

  /** A socket gets nothing of its channels until it is known whether its user is still in them. */
  hold(connection: Connection): void {
    connection.isHeld = true
    connection.holds += 1
    for (const stream of connection.streams.values()) stream.isLive = false
  }

  /** A user is still in the channels where their socket is. */
  release(connection: Connection): void {
    if (!connection.isHeld) return
    connection.isHeld = false
    const unknown: Room[] = []
    for (const stream of connection.streams.values()) {
      if (stream.position !== undefined && !connection.isSeed) {
        this.start(stream)
        continue
      }
      // Nothing has been pushed meanwhile; where it is only its client knows.
      stream.isLive = true
      if (stream.room.head !== undefined) unknown.push(stream.room)
    }
    if (unknown.length > 0) connection.tell(headsFrame(unknown))
  }

  /** Numbers of another epoch say nothing: everybody starts anew. */
  restart(room: Room, epoch: number, head: number): void {
    room.restart(epoch, head)
    for (const stream of room.streams.values()) if (stream.connection.isReady) this.#reset(stream, 'epoch')
  }

  async #subscribe(room: Room): Promise<void> {
    try {
      const answer = await this.#channels.subscribe(room.id)
      if (!answer) {
        this.#channels.gone(room.id)
        return
      }
      if (!answer.isPublic) this.#channels.hidden(room.id)
      const isMissed = room.expected !== undefined && answer.head + 1 > room.expected
      room.epoch = answer.epoch
      room.advance(answer.head)
      room.expect(answer.head + 1)
      // They are held at once. Waiting for more would be waiting for oneself: whom it brings in here waits for this subscription.
      const doubted = isMissed ? [...answer.doubted, ...room.userIds()] : answer.doubted
      if (doubted.length > 0) void this.#channels.doubted(doubted)
      // What was not pushed before is not any more.
      this.#nudge(room, answer.head)
    } catch (error) {
      room.subscribed = undefined
      throw error
    }
  }

  async #catchUp(stream: Stream): Promise<void> {
    const { room, connection } = stream
    if (stream.isReading || connection.isSeed || stream.position === undefined) return
    stream.isReading = true
    try {
      for (let refused = 0; this.#mayRead(stream); ) {
        if (await connection.reads.run(() => this.#readOn(stream))) continue
        if (++refused > REFUSALS) throw new Error('The channel does not let this Gateway read')
        await this.#resubscribe(room)
      }
    } finally {
      stream.isReading = false
    }
  }

  /** Reads one page of the log and sends it, when there is room. False when the channel lets nobody here read. */
  async #readOn(stream: Stream): Promise<boolean> {
    const { room, connection } = stream
    const fullForMs = connection.fullForMs(Date.now())
    if (fullForMs > 0) await pause(Math.min(fullForMs, LOOK_AGAIN_MS))
    // Other channels of this socket have been sent something meanwhile.
    if (!this.#mayRead(stream) || connection.fullForMs(Date.now()) > 0) return true
    const after = stream.position!
    const known = room.head ?? 0
    const page = await this.#reads.run(() => this.#channels.read(room.id, after, REPLAY_EVENTS))
    // Somebody has asked for something else meanwhile.
    if (!this.#isWanted(stream) || connection.isHeld || stream.position !== after) return true
    if (!page) return false
    room.advance(page.head)
    if (after < page.oldest - 1) {
      this.#reset(stream, 'too_old')
      return true
    }
    this.#replay(stream, page.events)
    // What has come while it was read may not be in it; what was there before must be.
    if (stream.position === after && after < Math.max(known, page.head)) throw new Error('The log has a hole')
    // In the same turn in which it was compared: no event can slip in between.
    stream.isLive = stream.position >= room.head!
    return true
  }

  #mayRead(stream: Stream): boolean {
    const { connection } = stream
    return this.#isWanted(stream) && !stream.isLive && !connection.isHeld && !this.#isOverCredit(connection)
  }

  /** Sends a part of the log, in frames of a bounded size. */
  #replay(stream: Stream, events: ChannelEvent[]): void {
    const { connection, room } = stream
    const { userId } = connection.identity
    let frames: string[] = []
    let bytes = 0
    const send = (from: number, to: number) => {
      const data = `{"from":${from},"to":${to},"events":[${frames.join(',')}],"more":${to < room.head!}}`
      const text = `{"type":"replay","ch":"${room.id}","data":${data}}`
      connection.replay(room.id, text, { to, events: frames.length, bytes }, Date.now())
      stream.position = to
      frames = []
      bytes = 0
    }
    let from = events[0]?.seq
    for (const event of events) {
      const text = event.author === userId ? frameWithNonce(event) : event.frame
      const size = utf8Length(text)
      if (frames.length > 0 && bytes + size > REPLAY_BYTES) {
        send(from!, event.seq - 1)
        // The rest of the page is read again when there is room.
        if (connection.fullForMs(Date.now()) > 0) return
        from = event.seq
      }
      frames.push(text)
      bytes += size
    }
    if (frames.length > 0) send(from!, events.at(-1)!.seq)
  }

  #reset(stream: Stream, reason: 'epoch' | 'ahead' | 'too_old'): void {
    const { room, connection } = stream
    const { epoch, head } = room
    // What the client drops it does not confirm.
    connection.credit.forget(room.id, Date.now())
    connection.tell(frame('reset', { ch: room.id, data: { reason, epoch, head } }))
    stream.position = head
    stream.isLive = !connection.isHeld
  }

  #isWanted(stream: Stream): boolean {
    const { connection, room } = stream
    return !connection.isClosed && connection.streams.get(room.id) === stream
  }

  #isOverCredit({ credit }: Connection): boolean {
    return credit.used >= (this.#sockets.outstanding.bytes > MAX_OUTSTANDING ? 0.5 : 1)
  }
}

const headsFrame = (rooms: Room[]): string =>
  frame('heads', { data: Object.fromEntries(rooms.map(({ id, head }) => [id, head])) })

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
