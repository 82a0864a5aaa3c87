import { type Bucket, fullBucket, type Rate, take } from '../../lib/token-bucket.ts'

const RATE: Rate = { perSecond: 1, burst: 30 }
const MAX_USERS = 10_000

/** How often each user opens a socket, as far as is known here: a loop of it is refused before anything is read for it. */
export class Openings {
  readonly #buckets = new Map<string, Bucket>()

  allows(userId: string, now: number): boolean {
    const bucket = this.#buckets.get(userId) ?? fullBucket(RATE, now)
    // Whoever was here last stands last.
    this.#buckets.delete(userId)
    this.#buckets.set(userId, bucket)
    if (this.#buckets.size > MAX_USERS) this.#buckets.delete(this.#buckets.keys().next().value!)
    return take(bucket, RATE, now) === 0
  }
}
