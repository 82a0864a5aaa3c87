/** What may be on its way to a reader who has not confirmed it. */
export const CREDIT = { events: 512, bytes: 262_144 }

type Sent = { to: number; events: number; bytes: number }

/**
 * Counts what was sent and not yet confirmed: the platform queues without bound for a reader that does not read, and tells nobody.
 * Times are milliseconds.
 */
export class Credit {
  /** Bytes that are outstanding to all readers together. */
  readonly #total: { bytes: number }
  events = 0
  bytes = 0
  /** Since when nothing was confirmed of what is outstanding; 0 when nothing is. */
  waitingSince = 0
  readonly #sent = new Map<string, Sent[]>()

  constructor(total: { bytes: number }) {
    this.#total = total
  }

  /** Part of the credit that is used. */
  get used(): number {
    return Math.max(this.events / CREDIT.events, this.bytes / CREDIT.bytes)
  }

  add(channel: string, sent: Sent, now: number): void {
    if (this.events === 0) this.waitingSince = now
    this.events += sent.events
    this.bytes += sent.bytes
    this.#total.bytes += sent.bytes
    const list = this.#sent.get(channel)
    if (list) list.push(sent)
    else this.#sent.set(channel, [sent])
  }

  /** Everything of a channel up to a number was processed. */
  confirm(channel: string, upTo: number, now: number): void {
    const list = this.#sent.get(channel)
    let at = 0
    let bytes = 0
    for (; list && at < list.length && list[at]!.to <= upTo; at++) {
      bytes += list[at]!.bytes
      this.events -= list[at]!.events
    }
    if (at === 0) return
    this.bytes -= bytes
    this.#total.bytes -= bytes
    if (at === list!.length) this.#sent.delete(channel)
    else list!.splice(0, at)
    this.waitingSince = this.events === 0 ? 0 : now
  }

  /** Nothing more is to be confirmed: of one channel, or of all. */
  forget(channel: string | undefined, now: number): void {
    const channels = channel === undefined ? [...this.#sent.keys()] : [channel]
    for (const each of channels) this.confirm(each, Number.POSITIVE_INFINITY, now)
  }
}
