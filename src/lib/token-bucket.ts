/** How much somebody may do: `perSecond` on average, `burst` at once. */
export type Rate = { perSecond: number; burst: number }

/** What is left, and when that was so, in milliseconds. */
export type Bucket = { tokens: number; at: number }

/** Takes one from the bucket. Gives 0, or after how many milliseconds there will be one. */
export function take(bucket: Bucket, { perSecond, burst }: Rate, nowMs: number): number {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.at) / 1000) * perSecond)
  bucket.at = nowMs
  if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / perSecond) * 1000)
  bucket.tokens -= 1
  return 0
}

export const fullBucket = ({ burst }: Rate, nowMs: number): Bucket => ({ tokens: burst, at: nowMs })
