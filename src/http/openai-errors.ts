import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { AppEnv } from './context.ts'
import { ERRORS, type ErrorCode, type FieldError } from './errors.ts'
import { errorHeaders, reported } from './problem.ts'

/** Errors that OpenAI's API has under another name, or with another status: its clients look at both. */
const RENAMED: Partial<Record<ErrorCode, { status?: number; code?: string }>> = {
  bad_request: { code: 'invalid_value' },
  validation_failed: { status: 400, code: 'invalid_value' },
  unauthorized: { code: 'invalid_api_key' },
  context_too_long: { status: 400, code: 'context_length_exceeded' },
  upstream_rejected: { status: 400, code: 'upstream_rejected' },
  too_large: { code: 'request_too_large' },
  run_unfinished: { code: 'run_in_progress' },
}

/** What OpenAI's API has and this one has not. */
const UNSUPPORTED =
  /^\/(audio|functions|function_call|prediction|web_search_options|logprobs|top_logprobs|n|modalities)(\/|$)|^\/messages\/\d+\/content\/\d+\/type$/

/** The status that an error has there. */
export const openAiStatus = (code: ErrorCode): number => RENAMED[code]?.status ?? ERRORS[code].status

/** The renderer of errors under `/v1`. */
export function renderOpenAiError(error: unknown, c: Context<AppEnv>): Response {
  const known = reported(error, c)
  const { errors, message_id: _, until: __, param, ...extras } = known.options.extras ?? {}
  const status = openAiStatus(known.code)
  const [field] = errors ?? []
  const body = {
    message: field ? `${paramOf(field)}: ${field.detail}`.slice(0, 1_000) : known.message,
    type: typeOf(status),
    param: field ? paramOf(field) : (param ?? null),
    code: field ? codeOf(field) : (RENAMED[known.code]?.code ?? known.code),
    request_id: c.get('request').id,
    ...extras,
  }
  const { retryAfterS } = known.options
  return c.json({ error: body }, status as ContentfulStatusCode, {
    ...errorHeaders(known),
    ...(retryAfterS !== undefined && { 'retry-after-ms': String(retryAfterS * 1_000) }),
  })
}

const typeOf = (status: number) => {
  if (status === 402) return 'insufficient_quota'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

const codeOf = ({ pointer, detail }: FieldError) => {
  if (UNSUPPORTED.test(pointer)) return 'unsupported_parameter'
  return detail === UNKNOWN_FIELD ? 'unknown_parameter' : 'invalid_value'
}

/** What is said of a field that no schema knows. */
export const UNKNOWN_FIELD = 'This field is not known here'

/** `/messages/0/content` as OpenAI writes it: `messages[0].content`. */
const paramOf = ({ pointer }: FieldError): string =>
  pointer
    .replace(/^\//, '')
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
    .slice(0, 200) || 'body'
