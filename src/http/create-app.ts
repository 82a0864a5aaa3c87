import type { Hook } from '@hono/zod-openapi'
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import { TrieRouter } from 'hono/router/trie-router'
import { newMeter } from '../db/client.ts'
import { BOOKMARK, changesNothing, PRIMARY } from '../db/replicas.ts'
import { isFault, readConfig } from '../env.ts'
import { newId } from '../lib/ids.ts'
import { escapePointer } from '../lib/json-shape.ts'
import { hashAddress } from './client-address.ts'
import type { AppEnv, RequestInfo } from './context.ts'
import { envelope } from './envelope.ts'
import { AppError, type FieldError, invalid, notFound } from './errors.ts'
import { openLog } from './log.ts'
import { allowedMethods } from './method-not-allowed.ts'
import { metricsOf } from './metrics.ts'
import { renderOpenAiError, UNKNOWN_FIELD } from './openai-errors.ts'
import { canonicalPath, isOpenAi } from './paths.ts'
import { renderError } from './problem.ts'
import { crossOrigin, securityHeaders } from './response-headers.ts'

/** An empty app for one feature. It shares the validation hook, which does not reach child routers by itself. */
export const createRouter = () => new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })

export type App = OpenAPIHono<AppEnv>

/** The app that features are mounted on, also while it serves: everything that holds for every request is here. */
export function createApp(): App {
  const app = new OpenAPIHono<AppEnv>({
    defaultHook: refuseInvalid,
    // The default takes no more routes after the first request.
    router: new TrieRouter(),
    getPath: (request) => canonicalPath(new URL(request.url).pathname),
  })
  const methodsOf = allowedMethods(app as never)
  app.use(observe, securityHeaders, crossOrigin, envelope, requireConfig)
  const render = (error: unknown, c: Context<AppEnv>) =>
    isOpenAi(c.req.path) ? renderOpenAiError(error, c) : renderError(error, c)
  app.onError(render)
  app.notFound((c) => {
    const methods = methodsOf(c.req.path)
    if (methods.length === 0) return render(notFound(), c)
    const allow = methods.join(', ')
    return render(new AppError('method_not_allowed', `This path takes ${allow}`, { allow }), c)
  })
  return app
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** Names the request, finds its configuration, times it, and logs one line about it. */
const observe = createMiddleware<AppEnv>(async (c, next) => {
  const sent = c.req.header('x-request-id')
  const id = sent && REQUEST_ID.test(sent) ? sent : newId()
  const startedAt = Date.now()
  const request: RequestInfo = { id, startedAt, log: openLog({ request_id: id }), meter: newMeter() }
  c.set('request', request)
  const config = readConfig(c.env)
  if (!isFault(config)) c.set('config', config)
  await next()
  const seen = request.session && (changesNothing(c.req.method) ? request.session.getBookmark() : PRIMARY)
  if (seen) c.res.headers.set(BOOKMARK, seen)
  const { trips, sqlMs, rowsRead, rowsWritten } = request.meter
  const ms = Date.now() - startedAt
  c.res.headers.set('x-request-id', id)
  c.res.headers.set('server-timing', `d1;dur=${sqlMs.toFixed(1)};desc="trips=${trips}", total;dur=${ms}`)
  const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? null
  const { method } = c.req
  const { status } = c.res
  metricsOf(c.env).request({ method, route, status, ms, trips, rowsRead, rowsWritten })
  request.log('info', 'request', {
    method,
    route,
    status,
    ms,
    d1_trips: trips,
    rows_read: rowsRead,
    rows_written: rowsWritten,
    user_id: c.get('request').userId ?? null,
    ip_hash: await hashAddress(c),
    cf_ray: c.req.header('cf-ray') ?? null,
  })
})

const requireConfig = createMiddleware<AppEnv>(async (c, next) => {
  const config = readConfig(c.env)
  if (isFault(config) && c.req.path !== '/api/v1/health') {
    throw new AppError('not_configured', `The variable ${config.variable} ${config.detail}`)
  }
  return next()
})

/** Turns a failed validation into 422, and a malformed id in the path into the 404 of a missing one. */
// biome-ignore lint/suspicious/noExplicitAny: one hook for routers of every environment
const refuseInvalid: Hook<unknown, any, string, unknown> = (result) => {
  if (result.success) return
  if (result.target === 'param') throw notFound()
  throw invalid(result.error.issues.flatMap((issue) => fieldErrors(issue, result.target)).slice(0, 100))
}

type Issue = { path: PropertyKey[]; message: string; code?: string; keys?: string[]; errors?: Issue[][] }

function fieldErrors(issue: Issue, target: string): FieldError[] {
  const path = issue.path.map(String)
  const at = (...more: string[]) =>
    target === 'json' || target === 'form'
      ? [...path, ...more].map((key) => `/${escapePointer(key).slice(0, 100)}`).join('')
      : `${target}:${[...path, ...more].join('.').slice(0, 200)}`
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => ({ pointer: at(key), detail: UNKNOWN_FIELD }))
  }
  // Of what it might have been, that which it is most like: what is wrong with it lies deepest.
  const depthOf = (issues: Issue[]) => Math.max(...issues.map(({ path }) => path.length))
  const [nearest] = (issue.errors ?? []).filter((issues) => issues.length > 0).sort((a, b) => depthOf(b) - depthOf(a))
  if (nearest && depthOf(nearest) > 0) {
    return nearest.flatMap((inner) => fieldErrors({ ...inner, path: [...issue.path, ...inner.path] }, target))
  }
  return [{ pointer: at(), detail: issue.message.slice(0, 500) }]
}
