import type { ChannelEvent } from '../../lib/channel-commands.ts'

/** Events that are kept at the most. */
export const MAX_CACHED = 1_000
/** UTF-16 units of all frames. */
const MAX_SIZE = 4_000_000

/** The newest events of a channel, without a hole. What is older is read from D1. */
export class EventCache {
  #events: ChannelEvent[] = []
  #size = 0

  /** Events that follow on those that are there; what does not follow on them takes their place. */
  append(events: ChannelEvent[]): void {
    for (const event of events) {
      if (this.#events.length > 0 && event.seq !== this.#events.at(-1)!.seq + 1) this.clear()
      this.#events.push(event)
      this.#size += event.frame.length
    }
    let drop = 0
    let size = this.#size
    while (this.#events.length - drop > MAX_CACHED || (size > MAX_SIZE && this.#events.length - drop > 1)) {
      size -= this.#events[drop++]!.frame.length
    }
    if (drop > 0) this.#events.splice(0, drop)
    this.#size = size
  }

  clear(): void {
    this.#events = []
    this.#size = 0
  }

  /** Up to `limit` events after number `after`; `undefined` when some of them are not here. */
  after(after: number, limit: number): ChannelEvent[] | undefined {
    const first = this.#events[0]?.seq
    if (first === undefined || after < first - 1) return undefined
    return this.#events.slice(after - first + 1, after - first + 1 + limit)
  }

  /** A message changed: what is here says it as it is now, so that nothing deleted is ever sent again. */
  revise(messageId: string, data: unknown): void {
    for (const event of this.#events) {
      if (event.message_id !== messageId || !/^message(\.updated)?$/.test(event.type)) continue
      this.#size -= event.frame.length
      event.frame = JSON.stringify({ ...JSON.parse(event.frame), data })
      this.#size += event.frame.length
    }
  }
}
