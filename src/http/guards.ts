import { createRoute, type RouteConfig } from '@hono/zod-openapi'
import { sql } from 'drizzle-orm'
import type { Context, MiddlewareHandler, Next } from 'hono'
import { createMiddleware } from 'hono/factory'
import { databaseOf } from '../db/cells.ts'
import type { Precondition } from '../db/client.ts'
import { impatient } from '../db/impatience.ts'
import { adminIsLive, sessionIsLive } from '../db/live-session.ts'
import { BOOKMARK, changesNothing, openSession } from '../db/replicas.ts'
import type { KeyScope } from '../db/schema/index.ts'
import { verifyAccessToken } from '../features/auth/access-tokens.ts'
import { rememberPlan, sessionCheck } from '../features/auth/session-check.ts'
import { getLiveKey, type LiveKey, noteUse } from '../features/chatbots/service/key-check.ts'
import {
  type AppEnv,
  type AuthedEnv,
  type BaseCtx,
  type CallerCtx,
  type CallerEnv,
  newCtx,
  type OpenEnv,
  type Principal,
  type RequestInfo,
} from './context.ts'
import { AppError, type ErrorCode, invalidToken } from './errors.ts'
import { type BodyBound, readBody, readFile } from './json-body.ts'
import { errors, openAiErrors, withOrigin, withRateLimit } from './openapi.ts'
import { ownHosts } from './own-hosts.ts'
import { countGuess, limited, mayGuess } from './rate-limits/limited.ts'
import type { PolicyName } from './rate-limits/policies.ts'
import { allowOrigin } from './response-headers.ts'

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

/** `scope` is what an API key must be for; `isLarge` is for a body of GATEWAY_BODY_BYTES. */
type KeyedRoute<P extends string> = Omit<Route<P>, 'file' | 'streams'> & { scope: KeyScope; isLarge?: true }
type Codes = readonly ErrorCode[]
/** What the middleware of a route leaves for its handler, as its types are to see it. */
type Sets<E extends AppEnv> = MiddlewareHandler<E, string, object>

/** What reading a body can end in. */
const BODY_ERRORS = ['bad_request', 'too_large', 'unsupported_media_type', 'validation_failed'] as const

/** What everything can end in. The first is declared for clients: a test that meets it fails. */
const ALWAYS = ['internal', 'store_unavailable', 'not_configured'] as const

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
    description: told(limit, 'For signed-in users', route.description),
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
    description: told(limit, 'For administrators', route.description),
    security: [{ admin: [] }, { admin_password: [] }] as RouteConfig['security'],
    middleware: [requireAdmin, limited(limit), ...bodyOf(route)] as unknown as Sets<AuthedEnv>,
    responses: withRateLimit({ ...route.responses, ...ends }) as R['responses'],
  })
}

/** What a key can be refused for. */
const KEY_ERRORS = [
  'invalid_api_key',
  'expired_api_key',
  'revoked_api_key',
  'insufficient_scope',
  'origin_not_allowed',
] as const

/** A route for those who have an API key with a scope, and for signed-in users, that can end in `codes`. */
export const keyed = <const P extends string, const R extends KeyedRoute<P>, const C extends Codes = []>(
  route: R,
  codes: C = [] as unknown as C,
) => createRoute(keyedContract(route, errors(...keyedCodes(route), ...codes), false))

/** The same under `/v1`, where errors have the form of OpenAI's API. */
export const openAiKeyed = <const P extends string, const R extends KeyedRoute<P>>(route: R, codes: Codes = []) =>
  createRoute(keyedContract(route, openAiErrors([...keyedCodes(route), ...codes]), true))

const keyedCodes = ({ request }: Pick<Route<string>, 'request'>): Codes => [
  'bad_request',
  'unauthorized',
  'rate_limit_exceeded',
  ...KEY_ERRORS,
  ...(request?.body ? BODY_ERRORS : []),
  ...ALWAYS,
]

function keyedContract<R extends KeyedRoute<string>>(route: R, ends: object, isOpenAi: boolean) {
  const { limit = 'api', scope, isLarge, ...contract } = route
  const body = route.request?.body ? [readBody(route.request.body, isLarge)] : []
  return {
    ...(contract as unknown as R),
    description: told(limit, `For signed-in users, and for API keys with the scope \`${scope}\``, route.description),
    security: [{ api_key: [] }, ...SIGNED_IN] as RouteConfig['security'],
    middleware: [requireKey(scope), limited(limit), keyLimited, ...body] as unknown as Sets<CallerEnv>,
    responses: withRateLimit({ ...route.responses, ...ends }, isOpenAi) as R['responses'],
  }
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
    description: told(limit, undefined, route.description),
    middleware: [anonymous, ...(limit ? [limited(limit)] : []), ...bodyOf(route)] as unknown as Sets<OpenEnv>,
    responses: (limit ? withRateLimit(responses) : withOrigin(responses)) as R['responses'],
  })
}

/** What the document says of an operation: what there is to say, who may call it, and under which limit. */
const told = (limit: PolicyName | undefined, who?: string, description?: string) => {
  const counted = limit ? `Counts under the rate limit \`${limit}\`.` : 'Counts under no rate limit.'
  return `${description ? `${description}\n\n` : ''}${who ? `${who}. ` : ''}${counted}`
}

const bodyOf = ({ request, file, streams }: Pick<Route<string>, 'request' | 'file' | 'streams'>) => {
  if (!request?.body || streams) return []
  return [file ? readFile(request.body, file) : readBody(request.body)]
}

const raised = ({ request, streams }: Pick<Route<string>, 'request' | 'streams'>, codes: Codes) =>
  errors(...codes, ...(request?.body ? (streams ? STREAM_ERRORS : BODY_ERRORS) : []), ...ALWAYS)

const requireUser = createMiddleware<AuthedEnv>(async (c, next) => {
  const user = await signedInOf(c)
  const session = sessionCheck(user, new Date(c.get('request').startedAt))
  await guarded(c, user, session ? [session] : [], (ctx) => ({ ...ctx, user }), next)
})

const requireAdmin = createMiddleware<AuthedEnv>(async (c, next) => {
  if (isApiKey(bearerToken(c))) throw new AppError('forbidden', 'An API key opens nothing of the administration')
  const user = await signedInOf(c)
  const now = new Date(c.get('request').startedAt)
  const session = { label: 'session_live', condition: sessionIsLive(sql`${user.sessionId}`, sql`${user.id}`, now) }
  const checks = [session, { label: 'is_admin', condition: adminIsLive(user, now) }]
  await guarded(c, user, checks, (ctx) => ({ ...ctx, user }), next)
})

/** Runs the handler, whose first trip to D1 takes `checks` along. What it answers without one was never allowed. */
async function guarded<C extends BaseCtx, E extends AppEnv & { Variables: { ctx: C } }>(
  c: Context<E>,
  user: Principal,
  checks: Precondition[],
  toCtx: (base: BaseCtx) => C,
  next: Next,
): Promise<void> {
  const open = new Set(checks)
  const watched = checks.map((check) => ({
    ...check,
    passed: (value: number) => {
      open.delete(check)
      check.passed?.(value)
    },
  }))
  c.set('ctx', toCtx(ctxOf(c, user.id, watched)))
  await next()
  if (open.size > 0 && c.res.ok) throw new Error('A handler answered before D1 had let its user in')
}

/** Lets an API key with the scope in, or a signed-in user. */
const requireKey = (scope: KeyScope) =>
  createMiddleware<CallerEnv>(async (c, next) => {
    const text = bearerToken(c)
    const hosts = ownHosts(c)
    if (!isApiKey(text)) {
      const user = await signedInOf(c)
      const session = sessionCheck(user, new Date(c.get('request').startedAt))
      const asks = { user: { id: user.id }, caller: { sessionId: user.sessionId }, ownHosts: hosts }
      return guarded<CallerCtx, CallerEnv>(c, user, session ? [session] : [], (ctx) => ({ ...ctx, ...asks }), next)
    }
    const base = ctxOf(c)
    const key = await getLiveKey(base, text, () => mayGuess(c)).catch(async (error) => {
      if (error instanceof AppError && error.code !== 'rate_limit_exceeded') await countGuess(c)
      throw error
    })
    Object.assign(c.get('request'), { userId: key.userId, key })
    rememberPlan(key.userId, key.requestsPerMinute)
    const origin = c.req.header('origin')
    if (key.allowedOrigins.length > 0 && (origin === undefined || !key.allowedOrigins.includes(origin))) {
      throw new AppError('origin_not_allowed')
    }
    if (origin !== undefined && key.allowedOrigins.length > 0) allowOrigin(c, origin)
    if (!isFor(key, scope)) throw new AppError('insufficient_scope', `This takes an API key with the scope ${scope}`)
    noteUse(base, key)
    c.set('ctx', { ...base, user: { id: key.userId, keyFamily: key.familyId }, caller: { key }, ownHosts: hosts })
    await next()
  })

/** Whether a token has the form of a key; it may be none. */
const isApiKey = (token: string | undefined): token is string => token?.startsWith('parley_') === true

/** `chat` is for all that can be done with a key; `chat:public` for completions alone, since everybody has it. */
export const isFor = ({ scopes }: LiveKey, scope: KeyScope) =>
  scopes.includes(scope) || scopes.includes('chat') || (scope === 'chat' && scopes.includes('chat:public'))

const keyLimited = createMiddleware<AppEnv>((c, next) => (c.get('request').key?.rpm ? byKey(c, next) : next()))
const byKey = limited('key')

async function signedInOf(c: Context): Promise<Principal> {
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

function ctxOf(c: Context, owner?: string, preconditions: Precondition[] = []) {
  const request: RequestInfo = c.get('request')
  const { id, log, meter, startedAt } = request
  if (c.get('config').D1_READ_REPLICAS === 'on') {
    request.session = openSession(databaseOf(c.env, owner ?? ''), c.req.header(BOOKMARK), changesNothing(c.req.method))
  }
  const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  return newCtx(c.env, {
    log,
    meter,
    owner,
    source: impatient(request.session ?? databaseOf(c.env, owner ?? '')),
    now: new Date(startedAt),
    waitUntil,
    requestId: id,
    preconditions,
  })
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
