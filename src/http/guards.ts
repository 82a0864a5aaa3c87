import { createRoute, type RouteConfig } from '@hono/zod-openapi'
import { sql } from 'drizzle-orm'
import type { Context, MiddlewareHandler, Next } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Precondition } from '../db/client.ts'
import { adminIsLive, sessionIsLive } from '../db/live-session.ts'
import { verifyAccessToken } from '../features/auth/access-tokens.ts'
import { sessionCheck } from '../features/auth/session-check.ts'
import { type AppEnv, type AuthedEnv, newCtx, type OpenEnv, type Principal } from './context.ts'
import { AppError, type ErrorCode, invalidToken } from './errors.ts'
import { type BodyBound, readBody, readFile } from './json-body.ts'
import { errors, withRateLimit } from './openapi.ts'
import { limited } from './rate-limits/limited.ts'
import type { PolicyName } from './rate-limits/policies.ts'

/**
 * `limit` names the policy that the route counts under; a body with a `file` bound is a text that the handler reads, and with
 * `streams` it takes the body as it comes.
 */
type Route<P extends string> = Omit<RouteConfig, 'path' | 'middleware'> & {
  path: P
  limit?: PolicyName
  file?: BodyBound
  streams?: true
}
type Codes = readonly ErrorCode[]
/** What the middleware of a route leaves for its handler, as its types are to see it. */
type Sets<E extends AppEnv> = MiddlewareHandler<E, string, object>

/** What reading a body can end in. */
const BODY_ERRORS = ['bad_request', 'too_large', 'unsupported_media_type', 'validation_failed'] as const

const STREAM_ERRORS = ['bad_request', 'too_large'] as const

/** Either scheme: the second lets Authorize in the documentation sign in by itself. */
const SIGNED_IN: Record<string, string[]>[] = [{ bearer: [] }, { password: [] }]

/**
 * A route for signed-in users that can end in `codes`: the guard, the `security` entry and the 401 come together or not
 * at all, and so do reading a body and what that can end in, and a rate limit with its headers.
 */
export const authed = <const P extends string, const R extends Route<P>, const C extends Codes = []>(
  route: R,
  codes: C = [] as unknown as C,
) => {
  const { limit = 'api', file: _file, streams: _streams, ...contract } = route
  const ends = raised(route, ['bad_request', 'unauthorized', 'rate_limit_exceeded', ...codes])
  return createRoute({
    ...(contract as unknown as R),
    security: SIGNED_IN as RouteConfig['security'],
    middleware: [requireUser, limited(limit), ...bodyOf(route)] as unknown as Sets<AuthedEnv>,
    responses: withRateLimit({ ...route.responses, ...ends }) as R['responses'],
  })
}

/**
 * A route for admins that can end in `codes`. Role, account and session are read from D1 in the request's first trip, so
 * a demotion holds at once and undoes what it meets.
 */
export const admin = <const P extends string, const R extends Route<P>, const C extends Codes = []>(
  route: R,
  codes: C = [] as unknown as C,
) => {
  const { limit = 'api', file: _file, streams: _streams, ...contract } = route
  const ends = raised(route, ['bad_request', 'unauthorized', 'forbidden', 'rate_limit_exceeded', ...codes])
  return createRoute({
    ...(contract as unknown as R),
    security: [{ admin: [] }, { password: [] }] as RouteConfig['security'],
    middleware: [requireAdmin, limited(limit), ...bodyOf(route)] as unknown as Sets<AuthedEnv>,
    responses: withRateLimit({ ...route.responses, ...ends }) as R['responses'],
  })
}

/**
 * A route for everybody that can end in `codes`. Saying so is a decision, and so is to name no `limit`: a test lists both
 * by name.
 */
export const open = <const P extends string, const R extends Route<P>, const C extends Codes = []>(
  route: R,
  codes: C = [] as unknown as C,
) => {
  const { limit, file: _, ...contract } = route
  const ends = raised(route, limit ? ['rate_limit_exceeded', ...codes] : codes)
  const responses = { ...ends, ...route.responses }
  return createRoute({
    security: [] as RouteConfig['security'],
    ...(contract as unknown as R),
    middleware: [anonymous, ...(limit ? [limited(limit)] : []), ...bodyOf(route)] as unknown as Sets<OpenEnv>,
    responses: (limit ? withRateLimit(responses) : responses) as R['responses'],
  })
}

const bodyOf = ({ request, file, streams }: Pick<Route<string>, 'request' | 'file' | 'streams'>) => {
  if (!request?.body || streams) return []
  return [file ? readFile(request.body, file) : readBody(request.body)]
}

const raised = ({ request, streams }: Pick<Route<string>, 'request' | 'streams'>, codes: Codes) =>
  errors(
    ...codes,
    ...(request?.body ? (streams ? STREAM_ERRORS : BODY_ERRORS) : []),
    'store_unavailable',
    'not_configured',
  )

const requireUser = createMiddleware<AuthedEnv>(async (c, next) => {
  const user = await signedInOf(c)
  const session = sessionCheck(user, new Date(c.get('request').startedAt))
  await guarded(c, user, session ? [session] : [], next)
})

const requireAdmin = createMiddleware<AuthedEnv>(async (c, next) => {
  const user = await signedInOf(c)
  const now = new Date(c.get('request').startedAt)
  const session = { label: 'session_live', condition: sessionIsLive(sql`${user.sessionId}`, sql`${user.id}`, now) }
  await guarded(c, user, [session, { label: 'is_admin', condition: adminIsLive(user, now) }], next)
})

/** Runs the handler, whose first trip to D1 takes `checks` along. What it answers without one was never allowed. */
async function guarded(c: Context<AuthedEnv>, user: Principal, checks: Precondition[], next: Next): Promise<void> {
  const open = new Set(checks)
  const watched = checks.map((check) => ({
    ...check,
    passed: (value: number) => {
      open.delete(check)
      check.passed?.(value)
    },
  }))
  c.set('ctx', { ...ctxOf(c, watched), user })
  await next()
  if (open.size > 0 && c.res.ok) throw new Error('A handler answered before D1 had let its user in')
}

async function signedInOf(c: Context<AuthedEnv>): Promise<Principal> {
  const user = await bearerOf(c)
  if (!user) throw new AppError('unauthorized')
  c.get('request').userId = user.id
  return user
}

const anonymous = createMiddleware<OpenEnv>(async (c, next) => {
  // Only /health gets here without a configuration, and it needs no context.
  if (c.get('config')) c.set('ctx', ctxOf(c))
  await next()
})

function ctxOf(c: Context, preconditions: Precondition[] = []) {
  const { id, log, meter, startedAt } = c.get('request') as AppEnv['Variables']['request']
  const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  return newCtx(c.env, { log, meter, now: new Date(startedAt), waitUntil, requestId: id, preconditions })
}

/** Who the bearer token names; `undefined` without one. Only this header counts, under this scheme alone. */
export async function bearerOf(c: Context): Promise<Principal | undefined> {
  const header = c.req.header('authorization')
  if (header === undefined) return undefined
  if (c.req.query('access_token') !== undefined) {
    throw new AppError('bad_request', 'Send the access token once, in the Authorization header')
  }
  const token = bearerToken(c)
  const user = token && (await verifyAccessToken(token, c.get('config')))
  if (!user) throw invalidToken()
  return user
}

/** What stands in the Authorization header as a bearer token. */
export const bearerToken = (c: Context): string | undefined =>
  /^Bearer ([A-Za-z0-9._~+/=-]{1,4096})$/i.exec(c.req.header('authorization') ?? '')?.[1]
