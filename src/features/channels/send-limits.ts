import { type Bucket, fullBucket, type Rate, take } from '../../lib/token-bucket.ts'

const MAX_SENDERS = 10_000

/** How often each may send something to this channel: `perSecond`, and twice as much at once. */
export class SendLimits {
  readonly #rate: Rate
  readonly #buckets = new Map<string, Bucket>()

  constructor(perSecond: number) {
    this.#rate = { perSecond, burst: perSecond * 2 }
  }

  /** Counts one. Gives 0, or how many milliseconds to wait. */
  wait(userId: string, now: number): number {
    if (this.#buckets.size >= MAX_SENDERS) this.#buckets.clear()
    let bucket = this.#buckets.get(userId)
    if (!bucket) {
      bucket = fullBucket(this.#rate, now)
      this.#buckets.set(userId, bucket)
    }
    return take(bucket, this.#rate, now)
  }
}
