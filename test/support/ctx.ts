import { env } from 'cloudflare:workers'
import { newMeter } from '../../src/db/client.ts'
import { type Ctx, newCtx } from '../../src/http/context.ts'
import type { SignedIn } from './client.ts'

/** What a service needs, with the meter of what it does in D1. */
export function ctxOf({ user, tokens }: SignedIn) {
  const meter = newMeter()
  const { sid } = JSON.parse(atob(tokens.access_token!.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')))
  const base = newCtx(env, { log: () => {}, now: new Date(), waitUntil: () => {}, meter })
  const ctx: Ctx = { ...base, user: { id: user.id, sessionId: sid } }
  return { ctx, meter }
}
