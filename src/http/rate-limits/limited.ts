import { createMiddleware } from 'hono/factory'
import { admit, newLimiter, refuse, type Verdict, WINDOW_MS } from '../../lib/rate-limiter.ts'
import type { AppEnv } from '../context.ts'
import { AppError } from '../errors.ts'
import { BURST_S, isBurst } from './burst.ts'
import { mergeSoon } from './merge.ts'
import { POLICIES, type PolicyName } from './policies.ts'

/** The counts of this isolate. */
const limiter = newLimiter()

/** Counts a request under `policy`, before its body is read and before D1 is asked. It never waits for KV. */
export const limited = (policy: PolicyName) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const { subjectOf, limitOf } = POLICIES[policy]
    const id = await subjectOf(c)
    const subject = `${policy}:${id}`
    const limit = limitOf(c)
    const now = c.get('request').startedAt
    const verdict = (await isBurst(c, subject))
      ? refuse(limiter, limit, now, BURST_S)
      : admit(limiter, subject, limit, now)
    mergeSoon(c, limiter)
    if (!verdict.isAdmitted) {
      for (const [name, value] of headersOf(policy, verdict)) c.header(name, value)
      throw new AppError('rate_limit_exceeded', undefined, { retryAfterS: verdict.resetS })
    }
    await next()
    // By now this isolate has read the user's plan.
    for (const [name, value] of headersOf(policy, { ...verdict, ...adjusted(verdict, limitOf(c)) })) {
      c.res.headers.set(name, value)
    }
  })

const adjusted = ({ limit, remaining }: Verdict, known: number) => ({
  limit: known,
  remaining: Math.max(0, remaining + known - limit),
})

/** Of draft-ietf-httpapi-ratelimit-headers-11; no length of a string or number in it comes from a client. */
const headersOf = (policy: PolicyName, { limit, remaining, resetS }: Verdict) =>
  [
    ['ratelimit-policy', `"${policy}";q=${limit};w=${WINDOW_MS / 1_000}`],
    ['ratelimit', `"${policy}";r=${remaining};t=${resetS}`],
  ] as const
