import { toBase64Url } from './digests.ts'

/** The one place of `lib` that touches clock and randomness: an id is both. */

const MAX_COUNTER = 0xfff
let lastMs = 0
let counter = 0

/**
 * A UUIDv7 (RFC 9562 5.7): ids made later in an isolate sort later, also within one millisecond, so that a
 * message and its reply, made together, keep their order. `nowMs` is Unix time in milliseconds.
 */
export function newId(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = crypto.getRandomValues(new Uint16Array(1))[0]! & 0x7ff
  } else if (++counter > MAX_COUNTER) {
    lastMs += 1
    counter = 0
  }
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  bytes[0] = (bytes[0]! & 0x3f) | 0x80
  const tail = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const head = lastMs.toString(16).padStart(12, '0')
  const middle = counter.toString(16).padStart(3, '0')
  return `${head.slice(0, 8)}-${head.slice(8)}-7${middle}-${tail.slice(0, 4)}-${tail.slice(4)}`
}

/** Fresh random bytes. */
export const randomBytes = (count: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(count))

/** A fresh secret of `bytes` random bytes, base64url. */
export const newSecret = (bytes = 32): string => toBase64Url(randomBytes(bytes))
