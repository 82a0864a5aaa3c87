import { ERRORS, type ErrorCode, isRetryable } from '../../http/errors.ts'
import type { RunFault } from '../../lib/run-events.ts'

const MAX_RETRY_AFTER_S = 3_600

/** A fault in our words. */
export const toRunFault = (code: ErrorCode, started = false, retryAfterMs?: number): RunFault => ({
  code,
  message: started ? `${ERRORS[code].title}; what had come is kept` : ERRORS[code].title,
  retryable: isRetryable(code),
  ...(retryAfterMs !== undefined && { retry_after: Math.min(MAX_RETRY_AFTER_S, Math.ceil(retryAfterMs / 1_000)) }),
})
