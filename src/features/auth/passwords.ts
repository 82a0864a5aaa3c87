import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { AppError } from '../../http/errors.ts'
import { formatPasswordHash, parsePasswordHash } from '../../lib/password-strings.ts'

const HASH_BYTES = 32
const MAX_MEMORY_BYTES = 64 * 1024 * 1024
/** One hash blocks the isolate for a good part of a second: more than this would only wait for each other. */
const MAX_QUEUED = 10
const STALE_MS = 5_000

/** scrypt with N = 2^`cost`, r = 8, p = 3, as a PHC string (OWASP ASVS 5.0, appendix C). */
export async function hashPassword(password: string, cost: number): Promise<string> {
  const parameters = { ln: cost, r: 8, p: 3, salt: randomBytes(16) }
  return formatPasswordHash({ ...parameters, hash: await derive(password, parameters) })
}

/**
 * Compares as received: no trim, no folding. Without a stored hash it works as long and says no, so that time does
 * not tell whether an account exists.
 */
export async function verifyPassword(password: string, stored: string | undefined, cost: number): Promise<boolean> {
  const known = stored === undefined ? undefined : parsePasswordHash(stored)
  const wanted = known ?? { ln: cost, r: 8, p: 3, salt: new Uint8Array(16), hash: new Uint8Array(HASH_BYTES) }
  const made = await derive(password, wanted)
  return made.length === wanted.hash.length && timingSafeEqual(made, wanted.hash) && known !== undefined
}

/** Whether a hash was made with other parameters than today's. */
export const isOutdated = (stored: string, cost: number) => parsePasswordHash(stored)?.ln !== cost

type Parameters = { ln: number; r: number; p: number; salt: Uint8Array }

/** When the hashes that wait or run were asked for. */
const queue = new Map<symbol, number>()

async function derive(password: string, { ln, r, p, salt }: Parameters): Promise<Uint8Array> {
  const now = Date.now()
  // A request that was cancelled never gets to its `finally`.
  for (const [ticket, since] of queue) if (now - since > STALE_MS) queue.delete(ticket)
  if (queue.size >= MAX_QUEUED) throw new AppError('overloaded', 'Too many sign-ins at once', { retryAfterS: 1 })
  const ticket = Symbol('hash')
  queue.set(ticket, now)
  try {
    // Whatever its signature says, scrypt blocks: here requests are counted, and streams get their turn in between.
    await new Promise((resolve) => setTimeout(resolve, 0))
    const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: MAX_MEMORY_BYTES + 1024 * 1024 }
    return await new Promise<Uint8Array>((resolve, reject) =>
      scrypt(password, salt, HASH_BYTES, options, (error, key) => (error ? reject(error) : resolve(key))),
    )
  } finally {
    queue.delete(ticket)
  }
}
