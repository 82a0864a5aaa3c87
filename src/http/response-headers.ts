import type { Context } from 'hono'
import { cors } from 'hono/cors'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from './context.ts'
import { isOpenAi } from './paths.ts'

/** On every answer. A page or a file brings its own policy. */
const SECURITY_HEADERS: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
}

export const securityHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await next()
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!c.res.headers.has(name)) c.res.headers.set(name, value)
  }
})

/** Any other OPTIONS is a method like any other, which no path takes. */
export const crossOrigin = createMiddleware<AppEnv>(async (c, next) => {
  if (!c.req.header('origin')) {
    await next()
    // Who may read it is for pages alone; a cache must not give this answer to one.
    return void c.res.headers.append('vary', 'Origin')
  }
  if (c.req.method === 'OPTIONS' && !c.req.header('access-control-request-method')) return next()
  return isOpenAi(c.req.path) ? openAiOriginHeaders(c, next) : originHeaders(c, next)
})

/** Lets the page read the answer, where what it sent says that it may. */
export function allowOrigin(c: Context, origin: string): void {
  c.res.headers.set('access-control-allow-origin', origin)
  c.res.headers.append('vary', 'Origin')
}

const BROWSER_ORIGIN = /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1)(:\d+)?$)/

/** Exact origins from `CORS_ORIGINS`; bearer tokens only, so credentials are never allowed. */
const ORIGINS: Parameters<typeof cors>[0] & object = {
  origin: (origin, c) => {
    const allowed = (c.get('config') as AppEnv['Variables']['config'] | undefined)?.CORS_ORIGINS ?? []
    if (allowed.includes('*')) return '*'
    // A preflight carries no key; what it opens is decided when there is one.
    const isAsked = c.req.method === 'OPTIONS' && isOpenAi(c.req.path) && BROWSER_ORIGIN.test(origin)
    return allowed.includes(origin) || isAsked ? origin : null
  },
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: [
    'Authorization',
    'Content-Type',
    'Idempotency-Key',
    'If-Match',
    'If-None-Match',
    'If-Range',
    'Last-Event-ID',
    'Prefer',
    'Range',
    'Tus-Resumable',
    'Upload-Checksum',
    'Upload-Length',
    'Upload-Metadata',
    'Upload-Offset',
    'X-D1-Bookmark',
    'X-HTTP-Method-Override',
    'X-Request-Id',
  ],
  exposeHeaders: [
    'Accept-Ranges',
    'Content-Disposition',
    'Content-Range',
    'Link',
    'X-Next-Cursor',
    'Location',
    'ETag',
    'X-Request-Id',
    'Retry-After',
    'Retry-After-Ms',
    'RateLimit-Policy',
    'RateLimit',
    'Idempotency-Replayed',
    'Preference-Applied',
    'Server-Timing',
    'Tus-Checksum-Algorithm',
    'Tus-Extension',
    'Tus-Resumable',
    'Tus-Version',
    'Upload-Expires',
    'Upload-Length',
    'Upload-Metadata',
    'Upload-Offset',
    'WWW-Authenticate',
    'X-Channel-Epoch',
    'X-Channel-Seq',
    'X-D1-Bookmark',
    'X-Quota-Clamped',
    'X-Quota-Limit-Messages',
    'X-Quota-Limit-Tokens',
    'X-Quota-Remaining-Messages',
    'X-Quota-Remaining-Tokens',
    'X-Quota-Reset',
    'X-RateLimit-Limit-Requests',
    'X-RateLimit-Remaining-Requests',
    'X-RateLimit-Reset-Requests',
    'X-Run-Id',
  ],
  maxAge: 600,
}
const originHeaders = cors(ORIGINS)
/** Clients of OpenAI's API send headers of their own, of which there are more with every version: what is asked for is let in. */
const openAiOriginHeaders = cors({ ...ORIGINS, allowHeaders: [] })
