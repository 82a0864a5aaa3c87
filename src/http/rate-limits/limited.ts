import { createMiddleware } from 'hono/factory'
import { admit, admitted, newLimiter, takeBack, type Verdict, WINDOW_MS } from '../../lib/rate-limiter.ts'
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
    const subject = `${policy}:${await subjectOf(c)}`
    let verdict = admit(limiter, subject, limitOf(c), c.get('request').startedAt)
    if (verdict.isAdmitted && (await isBurst(c.env.BURST, subject, admitted(limiter, subject)))) {
      // Not counted, so the next request is asked about again.
      verdict = takeBack(limiter, subject, verdict, BURST_S)
    }
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

/** As draft-ietf-httpapi-ratelimit-headers-11 says: `Retry-After` is no earlier than `t`. */
const headersOf = (policy: PolicyName, { limit, remaining, resetS }: Verdict) =>
  [
    ['ratelimit-policy', `"${policy}";q=${limit};w=${WINDOW_MS / 1_000}`],
    ['ratelimit', `"${policy}";r=${remaining};t=${resetS}`],
  ] as const
