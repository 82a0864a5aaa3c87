const NAMES = /^(password|\w+_password|token|\w+_token|refreshToken|llm_api_key)$/
const API_KEY = /^parley_[sp]k_\w{50}$/
/** Shorter ones would be found in anything. */
const MIN_LENGTH = 12

/** Every password, token and key that the clients of this test file sent or were given; with it their addresses. */
export const secrets = new Set<string>()
export const addresses = new Set<string>()

/** Remembers what must be found neither in the log nor in the database. */
export function noteSecrets(body: unknown): void {
  if (body === null || typeof body !== 'object') return
  // The token of a link is stored in clear (src/db/schema/shares.ts).
  if ('token' in body && 'conversation_id' in body) return
  for (const [name, value] of Object.entries(body)) {
    if (typeof value !== 'string') noteSecrets(value)
    else if (API_KEY.test(value) || (NAMES.test(name) && value.length >= MIN_LENGTH)) secrets.add(value)
    else if (name === 'email') addresses.add(value)
  }
}
