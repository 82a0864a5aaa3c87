import type { Rate } from './token-bucket.ts'

/** What may be on its way to a reader who has not confirmed it. */
export const CREDIT = { events: 512, bytes: 262_144 }

/** Bytes that go to one reader, whatever it says that it has got. */
export const OUT_RATE: Rate = { perSecond: 1_048_576, burst: 4_194_304 }
/** Contract 3 confirms nothing, so that its sockets are bounded by this alone. */
export const SEED_OUT_RATE: Rate = { perSecond: 262_144, burst: 4_194_304 }

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

/** Counts what goes out to one reader, as a confirmation may be a lie. What is sent above the rate is owed. Times are milliseconds. */
export class Outflow {
  readonly #rate: Rate
  #bytes: number
  #at: number

  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#bytes = rate.burst
    this.#at = now
  }

  add(bytes: number, now: number): void {
    this.#refill(now)
    this.#bytes -= bytes
  }

  /** After how many milliseconds there is room; 0 when there is. */
  waitMs(now: number): number {
    this.#refill(now)
    return this.#bytes > 0 ? 0 : Math.ceil(((1 - this.#bytes) / this.#rate.perSecond) * 1_000)
  }

  #refill(now: number): void {
    this.#bytes = Math.min(this.#rate.burst, this.#bytes + ((now - this.#at) / 1_000) * this.#rate.perSecond)
    this.#at = now
  }
}
