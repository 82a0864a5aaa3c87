import type { Context } from 'hono'
import { newId } from '../../lib/ids.ts'
import { beginMerge, claimMerge, endMerge, type Limiter } from '../../lib/rate-limiter.ts'
import type { AppEnv } from '../context.ts'
import { exchange, type Store } from './exchange.ts'

/** Made when first needed: there is no randomness while a Worker starts. */
let isolate: string | undefined

/**
 * Sees to it that the counts are merged with those of other isolates, after the answer and every 5 s at most. The last
 * request before a pause is told too: its merge waits for its time in `waitUntil`.
 */
export function mergeSoon(c: Context<AppEnv>, limiter: Limiter): void {
  const now = Date.now()
  const claim = claimMerge(limiter, now)
  if (claim !== undefined) c.executionCtx.waitUntil(merge(c, limiter, { claim, waitMs: claim - now }))
}

async function merge(c: Context<AppEnv>, limiter: Limiter, { claim, waitMs }: { claim: number; waitMs: number }) {
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  const begun = beginMerge(limiter, claim, Date.now())
  if (!begun) return
  isolate ??= newId()
  const { arrived, heard, faults } = await exchange(c.env.RATE_LIMITS as Store, isolate, begun)
  endMerge(limiter, begun, arrived, heard)
  if (faults.length > 0) c.get('request').log('warn', 'limiter_open', { faults: faults.join(' ') })
}
