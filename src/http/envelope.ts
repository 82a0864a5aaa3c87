import { createMiddleware } from 'hono/factory'
import type { AppEnv } from './context.ts'

/** Answers with a form of their own. */
const EXEMPT = /^\/(v1\/|api\/v1\/auth\/token$|openapi\.json$)/

/**
 * Contract 1's `{code, message, data}` around a JSON answer, on request: `Prefer: envelope`, `?envelope=true`, or
 * by default with RESPONSE_STYLE=envelope. The HTTP status stays true; an error's problem becomes `data`.
 */
export const envelope = createMiddleware<AppEnv>(async (c, next) => {
  await next()
  const type = c.res.headers.get('content-type') ?? ''
  if (!/^application\/(problem\+)?json/.test(type) || EXEMPT.test(c.req.path)) return
  const preferred = /(^|,)\s*envelope\s*(,|$)/i.test(c.req.header('prefer') ?? '')
  c.res.headers.append('vary', 'Prefer')
  if (!preferred && c.req.query('envelope') !== 'true' && c.get('config')?.RESPONSE_STYLE !== 'envelope') return
  const data = await c.res.json<{ title?: string }>()
  const failed = c.res.status >= 400
  const body = { code: c.res.status, message: failed ? (data.title ?? 'Error') : 'Success', data }
  const headers = new Headers(c.res.headers)
  headers.set('content-type', 'application/json; charset=utf-8')
  if (preferred) headers.set('preference-applied', 'envelope')
  c.res = new Response(JSON.stringify(body), { status: c.res.status, headers })
})
