import type { ChannelEvent, Push, Pushed } from '../../lib/channel-commands.ts'
import { within } from '../../lib/deadline.ts'
import type { Books } from './books.ts'

const PAGE = 200
/** A Gateway that does not answer in this time could not be reached. */
const PUSH_MS = 10_000
const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 30_000
/** A shard that could not be reached for so long is no longer told; it subscribes again when it finds out. */
const GIVE_UP_MS = 600_000

type Feeding = {
  channelId: string
  books: Books
  epoch: () => number
  head: () => number
  /** Events after a number, from the cache; `undefined` when they are not there any more. */
  recent: (after: number, limit: number) => ChannelEvent[] | undefined
  push: (push: Push) => Promise<Pushed>
  failed: (error: unknown) => void
}

/** Hands the events of one channel to one Gateway, one call after the other, until it has them all. */
export class ShardFeed {
  readonly #shard: number
  readonly #feeding: Feeding
  #running: Promise<void> | undefined
  #isRunning = false
  #failingSince: number | undefined
  #pauseMs = FIRST_PAUSE_MS
  #retry: ReturnType<typeof setTimeout> | undefined

  constructor(shard: number, feeding: Feeding) {
    this.#shard = shard
    this.#feeding = feeding
  }

  /** The shard could not be reached the last time. */
  get isFailing(): boolean {
    return this.#failingSince !== undefined
  }

  /** Resolves when the shard has what there was, or could not be reached; then it is tried again by itself, after a pause. */
  pump(): Promise<void> {
    if (this.#retry !== undefined) return Promise.resolve()
    // One that is running looks for what is new before it ends, and ends in the same turn.
    if (!this.#isRunning) this.#running = this.#run()
    return this.#running!
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    try {
      for (let next = this.#next(); next; next = this.#next()) {
        const { wants } = await within(PUSH_MS, this.#feeding.push(next))
        this.#took(next, wants)
      }
      this.#failingSince = undefined
      this.#pauseMs = FIRST_PAUSE_MS
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#isRunning = false
    }
  }

  /** What the shard is to be told next: what follows on what it has, or, when it has no sockets of the channel, what it is owed. */
  #next(): Push | undefined {
    const { books, channelId, epoch, head, recent } = this.#feeding
    const subscription = books.subscription(this.#shard)
    const events =
      subscription && subscription.sent < head()
        ? // What is too old the Gateway finds missing, and reads.
          (recent(subscription.sent, PAGE) ?? recent(Math.max(0, head() - 1), PAGE) ?? [])
        : together(books.owed(this.#shard)).slice(0, PAGE)
    if (events.length === 0) return undefined
    const [from, to] = [events[0]!.seq, events.at(-1)!.seq]
    return { channel: channelId, epoch: epoch(), from, to, events, generation: subscription?.generation ?? 0 }
  }

  #took({ to, generation }: Push, wants: boolean): void {
    const { books } = this.#feeding
    const subscription = books.subscription(this.#shard)
    // It has subscribed anew since: this answer is of before.
    if (subscription && subscription.generation !== generation) return
    books.paid(this.#shard, to)
    if (wants && subscription) books.markSent(subscription, Math.max(to, subscription.sent))
    else if (wants) books.subscribe(this.#shard, to)
    else books.unsubscribe(this.#shard)
  }

  #failed(error: unknown): void {
    this.#feeding.failed(error)
    const now = Date.now()
    this.#failingSince ??= now
    if (now - this.#failingSince > GIVE_UP_MS) {
      this.#feeding.books.unsubscribe(this.#shard)
      return
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      void this.pump()
    }, this.#pauseMs)
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2)
  }
}

/** The first of them that follow on one another. */
const together = (events: ChannelEvent[]) => events.filter(({ seq }, at) => seq === events[0]!.seq + at)
