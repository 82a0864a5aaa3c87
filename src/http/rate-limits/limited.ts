import { createMiddleware } from 'hono/factory'
import { admit, admitted, newLimiter, takeBack, type Verdict, WINDOW_MS } from '../../lib/rate-limiter.ts'
import type { AppEnv } from '../context.ts'
import { AppError } from '../errors.ts'
import { isOpenAi } from '../paths.ts'
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
      const own = isOpenAi(c.req.path) ? openAiHeadersOf(verdict) : []
      for (const [name, value] of [...headersOf(policy, verdict), ...own]) c.header(name, value)
      throw new AppError('rate_limit_exceeded', undefined, { retryAfterS: verdict.resetS })
    }
    await next()
    // By now this isolate has read the user's plan.
    const told = { ...verdict, ...adjusted(verdict, limitOf(c)) }
    for (const [name, value] of headersOf(policy, told)) c.res.headers.append(name, value)
    if (isOpenAi(c.req.path)) for (const [name, value] of openAiHeadersOf(told)) c.res.headers.set(name, value)
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

/** The same in the words of OpenAI's API. Of two limits the one that was asked first, which is the plan's, is told last. */
const openAiHeadersOf = ({ limit, remaining, resetS }: Verdict) =>
  [
    ['x-ratelimit-limit-requests', String(limit)],
    ['x-ratelimit-remaining-requests', String(remaining)],
    ['x-ratelimit-reset-requests', `${resetS}s`],
  ] as const
