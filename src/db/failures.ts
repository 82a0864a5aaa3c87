/** What is said of a D1 that did not answer while somebody waited: what it was asked for it may still do. */
export const D1_LATE = 'D1_ERROR: No answer in time.'

export const isLate = (error: unknown): boolean => deepMessage(error) === D1_LATE

const INTERNAL = /internal error; reference/i
const TRANSIENT =
  /network connection lost|object to be reset|reset because its code was updated|cannot resolve d1 db|internal error; reference/i

/**
 * Whether D1 failed in passing, so that an idempotent statement may be sent once more. The texts are those of
 * Cloudflare's "Retry queries".
 */
export const isTransient = (error: unknown): boolean => TRANSIENT.test(deepMessage(error))

/** Whether D1 itself is the cause, and not what was asked of it. A fault of the platform comes without D1's name. */
export const isStoreFailure = (error: unknown): boolean =>
  INTERNAL.test(deepMessage(error)) ||
  (/D1_ERROR|D1 DB/.test(deepMessage(error)) && !/constraint failed|SQLITE_ERROR/.test(deepMessage(error)))

/** The message of an error or of its cause. It may carry parameter values: match it, never show or log it. */
export const deepMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return ''
  return error.cause instanceof Error ? error.cause.message : error.message
}

/** The constraint that a statement broke, such as `users.email`; never the message, which may carry values. */
export const constraintOf = (error: unknown): string | undefined =>
  /(?:UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: ([\w., ]+?))?(?=: SQLITE|$)/.exec(
    deepMessage(error),
  )?.[1] ?? (/FOREIGN KEY constraint failed/.test(deepMessage(error)) ? 'foreign_key' : undefined)
