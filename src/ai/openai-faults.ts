import { APIError } from 'openai/core/error'
import { UpstreamFault } from './provider.ts'

/** An error in our words. `otherwise` is what one of unknown kind means at this point: a reset has no class of its own. */
export function toFault(error: unknown, otherwise: 'upstream_error' | 'upstream_truncated'): UpstreamFault {
  const cause = { cause: error }
  if (error instanceof UpstreamFault) return error
  if (error instanceof SyntaxError) return new UpstreamFault('upstream_garbled', 'same', undefined, cause)
  if (!(error instanceof APIError)) return new UpstreamFault(otherwise, 'same', undefined, cause)
  // An error object inside a 200 stream has no status, at the most a code.
  const status = error.status ?? statusOfCode(error.code)
  if (error.code === 'context_length_exceeded') return new UpstreamFault('context_too_long', 'never', undefined, cause)
  if (status === 401 || status === 402 || status === 403 || error.code === 'insufficient_quota') {
    return new UpstreamFault('upstream_auth', 'fallback', undefined, cause)
  }
  if (status === 429) return new UpstreamFault('upstream_busy', 'same', retryAfterMs(error.headers), cause)
  // It has read the request; what passes by itself is a time-out (408), or too early (425).
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 425) {
    return new UpstreamFault('upstream_rejected', 'never', undefined, cause)
  }
  return new UpstreamFault('upstream_error', 'same', retryAfterMs(error.headers), cause)
}

const MAX_REJECTION = 300

/**
 * What a provider says is wrong with a request, for whoever wrote it: without it nobody finds the mistake. What might be a
 * secret is left out. `undefined` for any other fault, of which the provider's words are nobody's business.
 */
export function rejectionOf({ code, cause }: UpstreamFault): string | undefined {
  if (code !== 'upstream_rejected' || !(cause instanceof APIError)) return undefined
  const { message } = (cause.error ?? {}) as { message?: unknown }
  if (typeof message !== 'string' || message.trim() === '') return undefined
  return message
    .toWellFormed()
    .replaceAll(/[\w-]{20,}/g, '…')
    .slice(0, MAX_REJECTION)
    .toWellFormed()
}

const statusOfCode = (code: unknown): number | undefined => {
  if (code === 'rate_limit_exceeded') return 429
  if (code === 'invalid_api_key') return 401
  return typeof code === 'number' || /^[45]\d\d$/.test(String(code)) ? Number(code) : undefined
}

/** `Retry-After` in either form (RFC 9110, section 10.2.3). */
function retryAfterMs(headers: Headers | undefined): number | undefined {
  const value = headers?.get('retry-after')
  if (!value) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
