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
  // One call for all its random bits, which stand where they stand in version 4.
  const random = crypto.randomUUID()
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = Number.parseInt(random.slice(0, 3), 16) & 0x7ff
  } else if (++counter > MAX_COUNTER) {
    lastMs += 1
    counter = 0
  }
  const head = lastMs.toString(16).padStart(12, '0')
  const middle = counter.toString(16).padStart(3, '0')
  return `${head.slice(0, 8)}-${head.slice(8)}-7${middle}-${random.slice(19)}`
}

const VERSION_AT = 14
const CELL_AT = -4

/**
 * Which database holds what an id names (`db/cells.ts`). Ids of the first, 0, are of version 7; those of the others are of version 8, which
 * is free for such things (RFC 9562 5.8), and end with its number. They sort as the others do.
 */
export const cellOf = (id: string): number => (id[VERSION_AT] === '8' ? Number.parseInt(id.slice(CELL_AT), 16) : 0)

/** A new id in a cell, from 0 to 65,535. */
export function newIdIn(cell: number): string {
  const id = newId()
  if (cell === 0) return id
  return `${id.slice(0, VERSION_AT)}8${id.slice(VERSION_AT + 1, CELL_AT)}${cell.toString(16).padStart(4, '0')}`
}

/** Fresh random bytes. */
export const randomBytes = (count: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(count))

/** A fresh secret of `bytes` random bytes, base64url. */
export const newSecret = (bytes = 32): string => toBase64Url(randomBytes(bytes))
