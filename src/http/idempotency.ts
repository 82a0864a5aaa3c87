import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Idempotency } from '../db/idempotency.ts'
import { sha256 } from '../lib/digests.ts'
import type { AuthedEnv } from './context.ts'
import { AppError } from './errors.ts'

/** The header of every POST that creates or spends. */
export const IdempotencyHeader = z.object({
  'idempotency-key': z.string().optional().openapi({
    minLength: 1,
    maxLength: 255,
    pattern: '^[\\x21-\\x7e]+$',
    description: '1 to 255 visible ASCII characters. The same key and body give the same result, once.',
    example: '6f1c1d0e',
  }),
})

/**
 * The request's key with what it stands for: SHA-256 over method, path and `content` (the body, without what only
 * chooses the form of the answer), or `undefined` when no key was sent.
 * @throws AppError `idempotency_key_invalid`
 */
export async function idempotencyOf(c: Context<AuthedEnv>, content: unknown): Promise<Idempotency | undefined> {
  const header = c.req.header('idempotency-key')
  if (header === undefined) return undefined
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw new AppError('idempotency_key_invalid')
  const text = `${c.req.method} ${c.req.path} ${JSON.stringify(sorted(content))}`
  return {
    scope: `user:${c.var.ctx.user.id}`,
    route: `${c.req.method} ${c.req.path}`,
    key,
    fingerprint: await sha256(text),
  }
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, child]) => [key, sorted(child)]),
  )
}

/** Says that nothing was done anew. */
export const replayedHeader = (replayed: boolean): Record<string, string> =>
  replayed ? { 'idempotency-replayed': 'true' } : {}
