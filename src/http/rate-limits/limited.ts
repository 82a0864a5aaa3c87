import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { admit, admitted, newLimiter, takeBack, type Verdict, WINDOW_MS } from '../../lib/rate-limiter.ts'
import { hashAddress } from '../client-address.ts'
import type { AppEnv } from '../context.ts'
import { AppError } from '../errors.ts'
import { isOpenAi } from '../paths.ts'
import { BURST_S, isBurst } from './burst.ts'
import { mergeSoon } from './merge.ts'
import { POLICIES, type PolicyName } from './policies.ts'

/** Seconds; the window is over by then. */
const GUESS_RETRY_S = 60

/** The counts of this isolate. */
const limiter = newLimiter()

/** Counts a request under `policy`, before its body is read and before D1 is asked. It never waits for KV. */
export const limited = (policy: PolicyName) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const { subjectOf, limitOf } = POLICIES[policy]
    const subject = `${policy}:${await subjectOf(c)}`
    const { startedAt } = c.get('request')
    let verdict = admit(limiter, subject, limitOf(c), startedAt)
    if (verdict.isAdmitted && (await isBurst(c.env.BURST, subject, admitted(limiter, subject, startedAt)))) {
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
    // Of two limits that of the key is asked last, and told.
    if (!isOpenAi(c.req.path) || c.res.headers.has('x-ratelimit-limit-requests')) return
    for (const [name, value] of openAiHeadersOf(told)) c.res.headers.set(name, value)
  })

const guessesOf = async (c: Context) => `guess:${await hashAddress(c)}`

/** Anybody can make what looks like a key, and each costs a look in D1. @throws AppError `rate_limit_exceeded` */
export async function mayGuess(c: Context): Promise<void> {
  if (admitted(limiter, await guessesOf(c), Date.now()) < c.get('config').AUTH_RATE_LIMIT) return
  throw new AppError('rate_limit_exceeded', 'Too many keys that are none came from this address', {
    retryAfterS: GUESS_RETRY_S,
  })
}

/** Counts a key that was none. */
export async function countGuess(c: Context): Promise<void> {
  admit(limiter, await guessesOf(c), c.get('config').AUTH_RATE_LIMIT, Date.now())
}

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

/** The same in the words of OpenAI's API. */
const openAiHeadersOf = ({ limit, remaining, resetS }: Verdict) =>
  [
    ['x-ratelimit-limit-requests', String(limit)],
    ['x-ratelimit-remaining-requests', String(remaining)],
    ['x-ratelimit-reset-requests', `${resetS}s`],
  ] as const
