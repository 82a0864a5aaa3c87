import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Idempotency } from '../db/idempotency.ts'
import { sha256 } from '../lib/digests.ts'
import type { AuthedEnv, CallerEnv } from './context.ts'
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
  return keyOf(c, `user:${c.var.ctx.user.id}`, () => fingerprintOf(c, content))
}

/** The same for a caller of the gateway, whose API keys have their own. */
export const callerIdempotencyOf = (c: Context<CallerEnv>, fingerprint: () => Promise<string>) => {
  const { id, keyFamily } = c.var.ctx.user
  return keyOf(c, keyFamily === undefined ? `user:${id}` : `key:${keyFamily}`, fingerprint)
}

/** SHA-256 over method, path and `content`, in whatever order its fields come. */
export const fingerprintOf = (c: Context, content: unknown): Promise<string> =>
  sha256(`${c.req.method} ${c.req.path} ${JSON.stringify(sorted(content))}`)

async function keyOf(c: Context, scope: string, fingerprint: () => Promise<string>): Promise<Idempotency | undefined> {
  const header = c.req.header('idempotency-key')
  if (header === undefined) return undefined
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw new AppError('idempotency_key_invalid')
  return { scope, route: `${c.req.method} ${c.req.path}`, key, fingerprint: await fingerprint() }
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
