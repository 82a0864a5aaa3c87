import { type RouteConfig, z } from '@hono/zod-openapi'
import { ERRORS, type ErrorCode } from './errors.ts'
import { OpenAiError, openAiStatus } from './openai-errors.ts'

const FieldError = z
  .strictObject({
    pointer: z.string().max(2_000).openapi({ example: '/content' }),
    detail: z.string().max(500).openapi({ example: 'Too small: expected string to have >=1 characters' }),
  })
  .openapi('FieldError')

const Problem = z
  .strictObject({
    type: z.string().max(200),
    title: z.string().max(200),
    status: z.int().min(400).max(599),
    detail: z.string().max(1_000),
    code: z.string().max(64),
    request_id: z.string().max(128),
    errors: z.array(FieldError).max(100).optional(),
    run_id: z.uuid().optional(),
    message_id: z.uuid().optional(),
    partial: z.boolean().optional(),
    tokens: z.int().min(0).optional(),
    limit: z.int().min(0).optional(),
    plan: z.string().max(32).optional(),
    used: z.int().min(0).optional(),
    resets_at: z.iso.datetime().max(24).optional(),
    upgrade_url: z.string().max(2_048).optional(),
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

/** Headers of answers, by name. A test fails on one of these that an answer has and its operation does not declare. */
export const HEADERS = {
  Link: 'The next page, as `<…>; rel="next"` (RFC 8288)',
  'X-Next-Cursor': '`cursor` of the next page',
  Location: 'Where what was made can be read',
  'X-Run-Id': 'The run that makes the reply',
  'Idempotency-Replayed': '`true` when the Idempotency-Key was used before',
  'Retry-After': 'Seconds after which it may work',
  'RateLimit-Policy': 'What counts here, and how much there is of it: `"api";q=600;w=60` is 600 requests in 60 seconds',
  RateLimit: 'What is left: `"api";r=599;t=42` is 599 requests, until 42 seconds from now',
  'WWW-Authenticate': 'RFC 6750',
  ETag: 'Of these bytes (RFC 9110, section 8.8.3)',
  'Tus-Resumable': 'The version of tus that is spoken',
  'Tus-Version': 'The versions of tus that could be',
  'Tus-Extension': 'What of tus there is besides its core',
  'Tus-Checksum-Algorithm': 'What `Upload-Checksum` may name',
  'Upload-Offset': 'Bytes of the upload that are stored',
  'Upload-Length': 'Bytes of the whole upload',
  'Upload-Expires': 'When the upload is given up, if it does not go on',
  'Upload-Metadata': 'As it was sent',
  'Content-Range': 'Which bytes these are, of how many (RFC 9110, section 14.4)',
  'X-Quota-Limit-Messages': 'Messages that the plan has for a month',
  'X-Quota-Remaining-Messages': 'What is left of them: limit − used − held',
  'X-Quota-Limit-Tokens': 'Tokens that the plan has for a month',
  'X-Quota-Remaining-Tokens': 'What is left of them: limit − used − held',
  'X-Quota-Reset': 'When the next month begins',
  'Retry-After-Ms': 'The same in milliseconds',
  'X-RateLimit-Limit-Requests': 'Requests in a minute',
  'X-RateLimit-Remaining-Requests': 'What is left of them',
  'X-RateLimit-Reset-Requests': 'When the minute is over, as `12s`',
  'X-Channel-Epoch': 'The epoch that the numbers of this answer are of',
  'X-Channel-Seq': 'How far the channel had come when this was read: a socket goes on from here',
  'X-Vercel-Ai-Ui-Message-Stream': '`v1`, when the stream is for the AI SDK',
  'X-Quota-Clamped': 'Tokens of output that there was room for, when that is less than was asked for',
} as const

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

/** The responses of a limited route. */
export const withRateLimit = <R extends RouteConfig['responses']>(responses: R, isOpenAi = false): R =>
  withHeaders(responses, 'RateLimit-Policy', 'RateLimit', ...(isOpenAi ? OPENAI_RATE_LIMIT : []))

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
  id: z.uuid().openapi({ param: { name: 'id', in: 'path' }, example: '019b76da-a800-7000-8000-000000000000' }),
})
