/** SHA-256 of a text in UTF-8, as base64url. */
export async function sha256(text: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', encode(text))))
}

/** HMAC-SHA-256 of a text, as base64url. */
export async function hmac(secret: string, text: string): Promise<string> {
  let key = keys.get(secret)
  if (!key) {
    key = await hmacKey(secret, ['sign'])
    if (keys.size >= MAX_KEYS) keys.clear()
    keys.set(secret, key)
  }
  return toBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', key, encode(text))))
}

/** A secret, for what is made of it often: importing it takes longer than signing. */
export const hmacKey = (secret: string, usages: ('sign' | 'verify')[]): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, usages)

/** There are a few secrets, and each request asks for one. */
const MAX_KEYS = 20
const keys = new Map<string, CryptoKey>()

/** Base64url without padding (RFC 4648, section 5). */
export const toBase64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** The bytes of base64url. @throws for anything else */
export const fromBase64Url = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))

const encode = (text: string) => new TextEncoder().encode(text)
