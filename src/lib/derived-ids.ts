/** The time and the 12 bits of order of a UUIDv7; nothing of another text. */
const V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7([0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const FIRST = Date.UTC(2000, 0, 1)
const LAST = Date.UTC(2100, 0, 1)

/**
 * A UUIDv7 for something that comes from elsewhere, always the same one for the same `seed`, `original` id and time
 * (milliseconds since 1970; what is not of this century is not believed). What had a UUIDv7 keeps its place in the order.
 */
export async function derivedId(seed: string, original: string, timeMs: number | undefined): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify([seed, original])))
  const hex = Array.from(new Uint8Array(digest, 0, 10), (byte) => byte.toString(16).padStart(2, '0')).join('')
  const [, high, low, order] = V7.exec(original) ?? []
  const ownMs = high === undefined ? undefined : Number.parseInt(high + low, 16)
  const ms = [ownMs, timeMs].find((each) => each !== undefined && each >= FIRST && each < LAST) ?? FIRST
  const head = Math.trunc(ms).toString(16).padStart(12, '0')
  const middle = order !== undefined && ms === ownMs ? order : hex.slice(0, 3)
  const variant = ((Number.parseInt(hex[3]!, 16) & 3) | 8).toString(16)
  return `${head.slice(0, 8)}-${head.slice(8)}-7${middle}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19)}`
}
