import type { QuotaFigures } from './quota-headers.ts'

type Row = { status: number; title: string; retryable?: true }

/** Every error that the API can answer with. Status, title and the OpenAPI responses all derive from this table. */
export const ERRORS = {
  bad_request: { status: 400, title: 'The request cannot be read' },
  idempotency_key_invalid: { status: 400, title: 'The Idempotency-Key is not 1 to 255 visible ASCII characters' },
  unsupported_parameter: { status: 400, title: 'This parameter is not supported' },
  role_not_allowed: { status: 400, title: 'This key may not send messages of this role' },
  run_cancelled: { status: 400, title: 'The completion was cancelled' },
  self_ban: { status: 400, title: 'Nobody can ban themselves' },
  invalid_token: { status: 400, title: 'This code does not work (any more)' },
  unauthorized: { status: 401, title: 'Authentication is required' },
  invalid_credentials: { status: 401, title: 'The name or the password is wrong' },
  invalid_api_key: { status: 401, title: 'This is no API key of ours' },
  expired_api_key: { status: 401, title: 'This API key has expired' },
  revoked_api_key: { status: 401, title: 'This API key was revoked' },
  plan_limit_reached: { status: 402, title: 'The plan is used up' },
  quota_exhausted_in_run: { status: 402, title: 'The quota ran out in the middle of the reply' },
  key_limit_reached: { status: 402, title: 'The month of this API key is used up' },
  storage_limit_reached: { status: 402, title: 'The storage of the plan is full' },
  forbidden: { status: 403, title: 'This is not for you' },
  banned: { status: 403, title: 'You are banned from this channel' },
  muted: { status: 403, title: 'You are muted in this channel' },
  insufficient_scope: { status: 403, title: 'This API key is not for that' },
  origin_not_allowed: { status: 403, title: 'This API key is not for pages of this origin' },
  model_not_allowed: { status: 403, title: 'This model is not available to you' },
  not_found: { status: 404, title: 'Not found' },
  model_not_found: { status: 404, title: 'There is no such model, or it is not for this key' },
  run_not_found: { status: 404, title: 'There is no such completion' },
  file_not_found: { status: 404, title: 'A file was not found' },
  file_content_missing: { status: 404, title: 'The content of this file is lost' },
  method_not_allowed: { status: 405, title: 'This path does not take this method' },
  conflict: { status: 409, title: 'This conflicts with what is there' },
  nonce_conflict: { status: 409, title: 'This nonce was used for another message' },
  limit_reached: { status: 409, title: 'There is no room for more' },
  direct_channel: { status: 409, title: 'A direct channel does not take this' },
  last_owner: { status: 409, title: 'A channel must have an owner' },
  user_banned: { status: 409, title: 'This user is banned from the channel' },
  last_admin: { status: 409, title: 'Somebody must be able to administer this' },
  conversation_busy: { status: 409, title: 'A reply is being written in this conversation' },
  run_active: { status: 409, title: 'A reply is still being written' },
  run_in_progress: { status: 409, title: 'The completion is still being written' },
  upload_offset_conflict: { status: 409, title: 'The upload goes on from another place' },
  file_in_use: { status: 409, title: 'A message has this file' },
  run_expired: { status: 410, title: 'The text of this completion is no longer kept' },
  gone: { status: 410, title: 'It is no longer there' },
  precondition_failed: { status: 412, title: 'A condition of the request does not hold' },
  too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'This content type is not accepted here' },
  range_not_satisfiable: { status: 416, title: 'There is no such part' },
  validation_failed: { status: 422, title: 'The request is not valid' },
  context_too_long: { status: 422, title: 'The conversation does not fit the model' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used for another request' },
  upgrade_required: { status: 426, title: 'This takes a WebSocket' },
  quota_in_flight: { status: 429, title: 'The rest of the quota is in use', retryable: true },
  too_many_runs: { status: 429, title: 'Too many replies at once', retryable: true },
  rate_limit_exceeded: { status: 429, title: 'Too many requests', retryable: true },
  checksum_mismatch: { status: 460, title: 'The checksum does not match' },
  internal: { status: 500, title: 'Internal error' },
  upstream_auth: { status: 502, title: 'The model provider refused our credentials' },
  upstream_refused: { status: 502, title: 'The address of the model may not be called' },
  upstream_rejected: { status: 502, title: 'The model provider rejected the request' },
  upstream_error: { status: 502, title: 'The model provider failed', retryable: true },
  upstream_stalled: { status: 502, title: 'The model provider fell silent', retryable: true },
  upstream_garbled: { status: 502, title: 'The model provider answered nonsense', retryable: true },
  upstream_truncated: { status: 502, title: 'The model provider broke off', retryable: true },
  run_interrupted: { status: 502, title: 'The reply was interrupted by a restart', retryable: true },
  file_store_failed: { status: 502, title: 'The file store failed', retryable: true },
  not_configured: { status: 503, title: 'The server is not configured' },
  overloaded: { status: 503, title: 'Too much at once', retryable: true },
  store_unavailable: { status: 503, title: 'The store is not reachable', retryable: true },
  run_unfinished: { status: 503, title: 'The completion takes longer: ask again', retryable: true },
  runner_unavailable: { status: 503, title: 'The reply could not be started', retryable: true },
  upstream_busy: { status: 503, title: 'The model provider is busy', retryable: true },
  upstream_timeout: { status: 504, title: 'The model provider did not answer in time', retryable: true },
  run_too_long: { status: 504, title: 'The reply took too long or became too large' },
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof ERRORS

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)

/** Whether the same request may succeed later without being changed. */
export const isRetryable = (code: ErrorCode): boolean => (ERRORS[code] as Row).retryable ?? false

/** A rule that a request broke, at a JSON pointer (RFC 6901) into its body, or `query:` and `header:` with a name. */
export type FieldError = { pointer: string; detail: string }

/** Members of a problem beside the standard ones (RFC 9457, section 3.2). */
export type ProblemExtras = {
  /** The parameter that is wrong, for clients of OpenAI's API. */
  param?: string
  errors?: FieldError[]
  run_id?: string
  message_id?: string
  partial?: boolean
  tokens?: number
  limit?: number
  plan?: string
  used?: number
  resets_at?: string
  upgrade_url?: string
  until?: string
}

type Options = ErrorOptions & {
  extras?: ProblemExtras
  /** Seconds, for `Retry-After`. */
  retryAfterS?: number
  /** Methods that the path takes. */
  allow?: string
  /** What there is of what a range asked for, for `Content-Range`. */
  contentRange?: string
  /** What the plan allows and what is used of it, for the headers of a chat route. */
  quota?: QuotaFigures
  /** Only a WebSocket is taken here (RFC 9110, section 15.5.22). */
  upgrade?: true
  /** A token was sent, and it is no good. */
  invalidToken?: true
}

/** A failure that the client may see. Anything else that is thrown is logged and answered as `internal`. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly options: Options

  constructor(code: ErrorCode, detail: string = ERRORS[code].title, options: Options = {}) {
    super(detail, { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.options = options
  }
}

/** Missing, foreign and malformed look alike: a 404 does not tell whether the thing exists. */
export const notFound = () => new AppError('not_found', 'There is nothing here, or it is not yours')

/** 422 with one entry per broken rule. */
export const invalid = (errors: FieldError[]) => new AppError('validation_failed', undefined, { extras: { errors } })

/** One answer for an expired, forged, foreign or revoked token (RFC 6750, section 3.1). */
export const invalidToken = () =>
  new AppError('unauthorized', 'The token is not valid (any more)', { invalidToken: true })

/** What OpenAI's API has and this does not do, by the name of the parameter. */
export const unsupported = (param: string, detail: string) =>
  new AppError('unsupported_parameter', detail, { extras: { param } })
