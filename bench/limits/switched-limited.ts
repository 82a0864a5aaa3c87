import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../../src/http/context.ts'
import { limited as real } from '../../src/http/rate-limits/limited.ts'
import type { PolicyName } from '../../src/http/rate-limits/policies.ts'

/** Stands in for http/rate-limits/limited.ts, which a request can do without. */
export const limited = (policy: PolicyName) => {
  const limit = real(policy)
  return createMiddleware<AppEnv>((c, next) => (c.req.header('x-bench-limiter') === 'off' ? next() : limit(c, next)))
}
