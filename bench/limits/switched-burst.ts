import type { Context } from 'hono'
import type { AppEnv } from '../../src/http/context.ts'
import * as real from '../../src/http/rate-limits/burst.ts'

export const { BURST_S } = real

/** Stands in for http/rate-limits/burst.ts, which a request has to ask for. */
export const isBurst = async (c: Context<AppEnv>, subject: string) =>
  c.req.header('x-bench') === 'limiter, burst brake' && real.isBurst(c, subject)
