import { type RouteConfig, z } from '@hono/zod-openapi'
import { integer, made, text, url, uuid } from '../lib/wire-fields.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import { OpenAiError } from './openai-error-schema.ts'
import { openAiStatus } from './openai-errors.ts'

const FieldError = z
  .strictObject({
    pointer: text(2_000).openapi({ example: '/content' }),
    detail: text(500).openapi({ example: 'Too small: expected string to have >=1 characters' }),
  })
  .openapi('FieldError')

const Problem = z
  .strictObject({
    type: made('a-z:-', 200),
    title: text(200),
    status: integer(400, 599),
    detail: text(1_000),
    code: made('a-z_', 64),
    request_id: made('A-Za-z0-9._-', 128),
    errors: z.array(FieldError).max(100).optional(),
    run_id: uuid().optional(),
    message_id: uuid().optional(),
    partial: z.boolean().optional(),
    tokens: integer(0).optional(),
    limit: integer(0).optional(),
    plan: made('a-z0-9_-', 32).optional(),
    used: integer(0).optional(),
    resets_at: z.iso.datetime().max(24).optional(),
    upgrade_url: url(2_048).optional(),
    until: z.iso.datetime().max(24).optional(),
  })
  .openapi('Problem', {
    description: 'An error (RFC 9457). `detail` is for people, `code` for programs.',
    example: {
      type: 'urn:parley:problem:not-found',
      title: 'Not found',
      status: 404,
      detail: 'Conversation not found',
      code: 'not_found',
      request_id: '019b76da-a800-7000-8000-000000000000',
    },
  })

const NUMBER = { pattern: '^\\d{1,16}$' }

/**
 * Headers of answers, by name, with what their values are like. A test fails on one of these that an answer has and its
 * operation does not declare, or whose value is not like that.
 */
export const HEADERS = {
  'Access-Control-Allow-Origin': {
    description: 'The page that may read this: one of CORS_ORIGINS, or of those that the API key names',
    pattern: '^(\\*|https?://[^\\s/]+)$',
  },
  Link: { description: 'The next page, as `<…>; rel="next"` (RFC 8288)', pattern: '^<[^<>]+>; rel="next"$' },
  'X-Next-Cursor': { description: '`cursor` of the next page', pattern: '^[A-Za-z0-9_-]+$' },
  Location: { description: 'Where what was made can be read', format: 'uri-reference' },
  'X-Run-Id': { description: 'The run that makes the reply', format: 'uuid' },
  'Idempotency-Replayed': { description: '`true` when the Idempotency-Key was used before', pattern: '^true$' },
  'Retry-After': { description: 'Seconds after which it may work', ...NUMBER },
  'RateLimit-Policy': {
    description: 'What counts here, and how much there is of it: `"api";q=600;w=60` is 600 requests in 60 seconds',
    pattern: '^("[a-z]+";q=\\d+;w=\\d+(, )?)+$',
  },
  RateLimit: {
    description: 'What is left: `"api";r=599;t=42` is 599 requests, until 42 seconds from now',
    pattern: '^("[a-z]+";r=\\d+;t=\\d+(, )?)+$',
  },
  'WWW-Authenticate': { description: 'RFC 6750', pattern: '^Bearer realm="parley"' },
  ETag: { description: 'Of these bytes (RFC 9110, section 8.8.3)', pattern: '^"[^"]+"$' },
  'Tus-Resumable': { description: 'The version of tus that is spoken', pattern: '^1\\.0\\.0$' },
  'Tus-Version': { description: 'The versions of tus that could be', pattern: '^1\\.0\\.0$' },
  'Tus-Extension': { description: 'What of tus there is besides its core', pattern: '^[a-z,]+$' },
  'Tus-Checksum-Algorithm': { description: 'What `Upload-Checksum` may name', pattern: '^[a-z0-9,]+$' },
  'Upload-Offset': { description: 'Bytes of the upload that are stored', ...NUMBER },
  'Upload-Length': { description: 'Bytes of the whole upload', ...NUMBER },
  'Upload-Expires': { description: 'When the upload is given up, if it does not go on', pattern: ' GMT$' },
  'Upload-Metadata': { description: 'As it was sent', pattern: '^[^,]+(,[^,]+)*$' },
  'Content-Range': {
    description: 'Which bytes these are, of how many (RFC 9110, section 14.4)',
    pattern: '^bytes (\\d+-\\d+|\\*)/\\d+$',
  },
  'X-Quota-Limit-Messages': { description: 'Messages that the plan has for a month', ...NUMBER },
  'X-Quota-Remaining-Messages': { description: 'What is left of them: limit − used − held', ...NUMBER },
  'X-Quota-Limit-Tokens': { description: 'Tokens that the plan has for a month', ...NUMBER },
  'X-Quota-Remaining-Tokens': { description: 'What is left of them: limit − used − held', ...NUMBER },
  'X-Quota-Reset': { description: 'When the next month begins', format: 'date-time' },
  'Retry-After-Ms': { description: 'The same in milliseconds', ...NUMBER },
  'X-RateLimit-Limit-Requests': { description: 'Requests in a minute', ...NUMBER },
  'X-RateLimit-Remaining-Requests': { description: 'What is left of them', ...NUMBER },
  'X-RateLimit-Reset-Requests': { description: 'When the minute is over, as `12s`', pattern: '^\\d+s$' },
  'X-Channel-Epoch': { description: 'The epoch that the numbers of this answer are of', ...NUMBER },
  'X-Channel-Seq': {
    description: 'How far the channel had come when this was read: a socket goes on from here',
    ...NUMBER,
  },
  'X-Vercel-Ai-Ui-Message-Stream': { description: '`v1`, when the stream is for the AI SDK', pattern: '^v1$' },
  'X-Quota-Clamped': {
    description: 'Tokens of output that there was room for, when that is less than was asked for',
    ...NUMBER,
  },
} as const satisfies Record<string, { description: string; pattern?: string; format?: string }>

type HeaderName = keyof typeof HEADERS

/** On every answer of a chat route that was let in. */
export const QUOTA_HEADERS = [
  'X-Quota-Limit-Messages',
  'X-Quota-Remaining-Messages',
  'X-Quota-Limit-Tokens',
  'X-Quota-Remaining-Tokens',
  'X-Quota-Reset',
  'X-Quota-Clamped',
] as const satisfies HeaderName[]

type ResponseConfig = Exclude<RouteConfig['responses'][string], { $ref: string }>
type Headers = Partial<Record<HeaderName, { $ref: string }>>

/** Response headers by name; none of them is always there. They are components of the document, each told once. */
export const described = (...names: HeaderName[]): Headers | undefined =>
  names.length === 0
    ? undefined
    : Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

/** These responses, each with these headers besides its own. */
export const withHeaders = <R extends RouteConfig['responses']>(responses: R, ...names: HeaderName[]): R => {
  const add = (response: ResponseConfig): ResponseConfig => ({
    ...response,
    headers: { ...response.headers, ...described(...names) } as ResponseConfig['headers'],
  })
  const all = Object.entries(responses as Record<string, ResponseConfig>)
  return Object.fromEntries(all.map(([status, response]) => [status, add(response)])) as R
}

/** The responses of any route: a page of another origin may read them. */
export const withOrigin = <R extends RouteConfig['responses']>(responses: R): R =>
  withHeaders(responses, 'Access-Control-Allow-Origin')

/** The responses of a limited route. */
export const withRateLimit = <R extends RouteConfig['responses']>(responses: R, isOpenAi = false): R =>
  withHeaders(withOrigin(responses), 'RateLimit-Policy', 'RateLimit', ...(isOpenAi ? OPENAI_RATE_LIMIT : []))

const OPENAI_RATE_LIMIT = [
  'X-RateLimit-Limit-Requests',
  'X-RateLimit-Remaining-Requests',
  'X-RateLimit-Reset-Requests',
] as const satisfies HeaderName[]

type ErrorResponse = {
  description: string
  headers?: Headers
  content: { 'application/problem+json': { schema: typeof Problem } }
}

/** The responses of a route that can raise these codes, one per status. */
export function errors<const C extends readonly ErrorCode[]>(...codes: C) {
  const responses: Record<number, ErrorResponse> = {}
  for (const status of new Set(codes.map((code) => ERRORS[code].status))) {
    const ofStatus = [...new Set(codes)].filter((code) => ERRORS[code].status === status)
    responses[status] = {
      description: ofStatus.map((code) => `\`${code}\``).join(', '),
      headers: described(...headersOf(status, ofStatus)),
      content: { 'application/problem+json': { schema: Problem } },
    }
  }
  return responses as { [K in C[number] as (typeof ERRORS)[K]['status']]: ErrorResponse }
}

/** The same for a route under `/v1`, whose errors have another form and sometimes another status. */
export function openAiErrors(codes: readonly ErrorCode[]): Record<number, object> {
  const responses: Record<number, object> = {}
  for (const status of new Set(codes.map(openAiStatus))) {
    const ofStatus = [...new Set(codes)].filter((code) => openAiStatus(code) === status)
    const mayWait = MAY_WAIT.has(status) ? (['Retry-After-Ms'] as const) : []
    responses[status] = {
      description: ofStatus.map((code) => `\`${code}\``).join(', '),
      headers: described(...new Set([...headersOf(status, ofStatus), ...mayWait])),
      content: { 'application/json': { schema: OpenAiError } },
    }
  }
  return responses
}

const MAY_WAIT = new Set<number>([409, 429, 503])
/** What a run ends in, which its error names. */
const OF_A_RUN = /^(upstream_|run_|runner_|context_too_long|quota_exhausted_in_run)/
const OF_THE_QUOTA = /^(plan_limit_reached|key_limit_reached|quota_in_flight|too_many_runs)$/

const headersOf = (status: number, codes: ErrorCode[]): HeaderName[] => [
  ...(status === 401 || codes.includes('forbidden') ? (['WWW-Authenticate'] as const) : []),
  ...(MAY_WAIT.has(status) || codes.includes('file_store_failed') ? (['Retry-After'] as const) : []),
  ...(codes.includes('range_not_satisfiable') ? (['Content-Range'] as const) : []),
  ...(codes.some((code) => OF_A_RUN.test(code)) ? (['X-Run-Id', 'Idempotency-Replayed'] as const) : []),
  ...(codes.some((code) => OF_A_RUN.test(code) || OF_THE_QUOTA.test(code)) ? QUOTA_HEADERS : []),
]

/** A JSON answer. */
export const json = <S extends z.ZodType>(schema: S, description: string, ...headers: HeaderName[]) => ({
  description,
  headers: described(...headers),
  content: { 'application/json': { schema } },
})

/** One page of a list; the next one is where `Link` and `X-Next-Cursor` say. */
export const page = <S extends z.ZodType>(item: S, description: string) => ({
  description,
  headers: described('Link', 'X-Next-Cursor'),
  content: { 'application/json': { schema: z.array(item).max(100) } },
})

/** A required JSON body. Without `required` a missing one would pass as `{}`. */
export const body = <S extends z.ZodType>(schema: S) => ({
  required: true as const,
  content: { 'application/json': { schema } },
})

export const noContent = (description: string) => ({ description })

/** Path parameters. A malformed id is answered like a missing one: 404. */
export const IdParam = z.object({
  id: uuid().openapi({ param: { name: 'id', in: 'path' }, example: '019b76da-a800-7000-8000-000000000000' }),
})
