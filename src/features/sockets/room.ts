import type { ChannelEvent } from '../../lib/channel-commands.ts'
import { type Chunk, chunksOf, seedFrame } from '../../lib/event-frames.ts'
import type { Connection, Stream } from './connection.ts'

/** A channel as one Gateway has it: which sockets are in it, and how far it has come as far as is known here. */
export class Room {
  readonly id: string
  readonly streams = new Map<Connection, Stream>()
  /** Sockets whose user looks at the channel. */
  readonly watchers = new Set<Connection>()
  epoch: number | undefined
  /** The last number that there is, as far as is known here. */
  head: number | undefined
  /** The last event that the channel has told of. */
  pushed: number | undefined
  /** Where the next push begins, if none is lost. */
  expected: number | undefined
  /** Is fulfilled once the channel tells this Gateway of what happens. */
  subscribed: Promise<void> | undefined
  /** Members, as far as presence counts them; unknown until somebody looks at the channel. */
  memberCount: number | undefined
  /** When they were counted last, and the counting that is under way. */
  countedAt = 0
  counting: Promise<void> | undefined

  constructor(id: string) {
    this.id = id
  }

  /** Puts a socket into the channel. Its position is told later. */
  enter(connection: Connection, isGuest: boolean): Stream {
    const known = this.streams.get(connection)
    if (known) {
      known.isGuest &&= isGuest
      return known
    }
    const stream = {
      room: this,
      connection,
      position: undefined,
      isLive: false,
      isGuest,
      isReading: false,
    }
    this.streams.set(connection, stream)
    connection.streams.set(this.id, stream)
    return stream
  }

  userIds(): Set<string> {
    return new Set([...this.streams.keys()].map(({ identity }) => identity.userId))
  }

  leave(connection: Connection): void {
    this.streams.delete(connection)
    connection.streams.delete(this.id)
    this.watchers.delete(connection)
    // What a client has left it confirms no more.
    connection.credit.forget(this.id, Date.now())
  }

  /** Numbers begin anew: what was told of the old ones says nothing. */
  restart(epoch: number, head: number): void {
    this.epoch = epoch
    this.head = head
    this.pushed = undefined
    this.expected = undefined
  }

  /** The last event that was told, or that there was when the telling began. */
  get told(): number {
    return Math.max(this.pushed ?? 0, (this.expected ?? 1) - 1)
  }

  expect(next: number): void {
    this.expected = Math.max(this.expected ?? 0, next)
  }

  advance(head: number): void {
    if (this.head === undefined || head > this.head) this.head = head
  }
}

/** Events on their way to many sockets: what is the same for all of them is made once. */
export class Delivery {
  readonly from: number
  readonly to: number
  readonly #events: ChannelEvent[]
  readonly #chunks = new Map<string | undefined, Chunk[]>()
  readonly #authors: Set<string | undefined>
  #seed: { seq: number; frame: string }[] | undefined

  constructor(events: ChannelEvent[]) {
    this.#events = events
    this.from = events[0]!.seq
    this.to = events.at(-1)!.seq
    this.#authors = new Set(events.map(({ author }) => author))
  }

  /** What follows on number `after`, and up to `upTo`, as a user sees it. */
  chunksFor(userId: string, after: number, upTo = this.to): Chunk[] {
    if (after >= this.from || upTo < this.to) {
      return chunksOf(
        this.#events.filter(({ seq }) => seq > after && seq <= upTo),
        userId,
      )
    }
    const viewer = this.#authors.has(userId) ? userId : undefined
    let chunks = this.#chunks.get(viewer)
    if (!chunks) {
      chunks = chunksOf(this.#events, viewer)
      this.#chunks.set(viewer, chunks)
    }
    return chunks
  }

  /** The messages among them, as contract 3 knows them. */
  get seedFrames(): { seq: number; frame: string }[] {
    this.#seed ??= this.#events.flatMap((event) => {
      const frame = seedFrame(event)
      return frame === undefined ? [] : [{ seq: event.seq, frame }]
    })
    return this.#seed
  }
}
