import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { isLate, isStoreFailure } from '../db/failures.ts'
import { unmetPrecondition } from '../db/preconditions.ts'
import type { AppEnv } from './context.ts'
import { AppError, ERRORS, invalidToken } from './errors.ts'
import { describeError } from './log.ts'
import { quotaHeaders } from './quota-headers.ts'

/** The one renderer of errors: `application/problem+json` (RFC 9457). */
export function renderError(error: unknown, c: Context<AppEnv>): Response {
  const known = reported(error, c)
  const { status, title } = ERRORS[known.code]
  const { param: _, ...extras } = known.options.extras ?? {}
  const problem = {
    type: `urn:parley:problem:${known.code.replaceAll('_', '-')}`,
    title,
    status,
    detail: known.message,
    code: known.code,
    request_id: c.get('request').id,
    ...extras,
  }
  return c.json(problem, status as ContentfulStatusCode, {
    ...errorHeaders(known),
    'content-type': 'application/problem+json; charset=utf-8',
  })
}

/** The headers that belong to an error, in whatever form its body is. */
export function errorHeaders({ code, options }: AppError): Record<string, string> {
  return {
    ...(ERRORS[code].status === 401 && {
      'www-authenticate': `Bearer realm="parley"${options.invalidToken ? ', error="invalid_token"' : ''}`,
    }),
    ...(code === 'forbidden' && { 'www-authenticate': 'Bearer realm="parley", error="insufficient_scope"' }),
    ...(options.retryAfterS !== undefined && { 'retry-after': String(options.retryAfterS) }),
    ...(options.allow && { allow: options.allow }),
    ...(options.upgrade && { upgrade: 'websocket' }),
    ...(options.contentRange && { 'content-range': options.contentRange }),
    ...(options.quota && quotaHeaders(options.quota)),
    // Text was paid for: an automatic retry would pay again.
    ...(options.extras?.partial && { 'x-should-retry': 'false' }),
  }
}

/** What a client may know of a thrown value; what it may not know is logged. */
export function reported(error: unknown, c: Context<AppEnv>): AppError {
  const known = toAppError(error)
  if (known.code === 'internal' || known.code === 'store_unavailable') {
    c.get('request').log('error', 'request_failed', describeError(error))
  }
  if (known.code === 'forbidden') c.get('request').log('warn', 'access_denied', { user_id: c.get('request').userId })
  return known
}

const LATE =
  'The store did not answer in time. What was asked may have been done: send it again with the same Idempotency-Key or nonce, or look first'

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof HTTPException) {
    return new AppError(error.status === 415 ? 'unsupported_media_type' : 'bad_request')
  }
  if (unmetPrecondition(error) === 'session_live') return invalidToken()
  if (unmetPrecondition(error) === 'is_admin') return new AppError('forbidden', 'This takes an administrator')
  if (isStoreFailure(error))
    return new AppError('store_unavailable', isLate(error) ? LATE : undefined, { retryAfterS: 1 })
  return new AppError('internal', 'Something went wrong on our side; the request id helps us to find it')
}
