import type { Config } from '../../env.ts'

const MIN_LENGTH = 8
const MIN_LENGTH_STRICT = 15
const MAX_LENGTH = 256

type Owner = { email?: string | null; username?: string | null }

/**
 * Why this password may not be chosen, as a sentence for the user, or `undefined`. Lengths are in code
 * points; `isCommon` knows what many people use, in lower case (password-blocklist.ts). Case is ignored only to find
 * guessable ones: the password itself is taken as it is.
 */
export function checkPassword(
  password: string,
  { email, username }: Owner,
  policy: Config['PASSWORD_POLICY'],
  isCommon: (lower: string) => boolean,
): string | undefined {
  const minLength = policy === 'strict' ? MIN_LENGTH_STRICT : MIN_LENGTH
  // A code point has at most two units, so nothing long is ever taken apart.
  const length = password.length > 2 * MAX_LENGTH ? Number.POSITIVE_INFINITY : [...password].length
  if (length < minLength) return `The password must have at least ${minLength} characters`
  if (length > MAX_LENGTH) return `The password must have at most ${MAX_LENGTH} characters`

  const lower = password.toLowerCase()
  const own = [email, email?.split('@')[0], username].map((name) => name?.toLowerCase())
  if (own.includes(lower)) return 'The password must not be the email address or the username'
  if (isProductName(lower)) return 'The password must not be the name of this service'
  if (policy !== 'demo' && isCommon(lower)) return 'This password is too common: many people use it'
  return undefined
}

/** `parley`, also repeated or with digits and signs: `parley2026!`. A longer rest can be a password of its own. */
function isProductName(lower: string): boolean {
  const rest = lower.replaceAll('parley', '')
  return rest !== lower && rest.length < MIN_LENGTH && !/\p{L}/u.test(rest)
}
