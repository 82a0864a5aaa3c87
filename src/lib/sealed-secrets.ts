import { fromBase64Url, toBase64Url } from './digests.ts'
import { randomBytes } from './ids.ts'

const IV_BYTES = 12
const KEY_BYTES = 32

/** Keys for AES-256-GCM, base64url, by their ids. The first seals; all of them open. */
export type SealingKeys = readonly { id: string; key: string }[]

/**
 * A secret that must be readable again, as `<key id>.<nonce>.<ciphertext>`. `associatedData` binds it: it opens with the
 * same alone, such as the host that it was entered for. A database that leaks gives nothing away without the keys.
 */
export async function seal([newest]: SealingKeys, secret: string, associatedData: string): Promise<string> {
  const iv = randomBytes(IV_BYTES)
  const sealed = await crypto.subtle.encrypt(paramsOf(iv, associatedData), await importKey(newest!.key), encode(secret))
  return [newest!.id, toBase64Url(iv), toBase64Url(new Uint8Array(sealed))].join('.')
}

/** The secret; `undefined` when it was sealed with other data or by a key that is not there any more, or was changed. */
export async function unseal(keys: SealingKeys, sealed: string, associatedData: string): Promise<string | undefined> {
  const [id, iv, text] = sealed.split('.')
  const known = keys.find((each) => each.id === id)
  if (!known || !iv || !text) return undefined
  try {
    const key = await importKey(known.key)
    const opened = await crypto.subtle.decrypt(paramsOf(fromBase64Url(iv), associatedData), key, fromBase64Url(text))
    return new TextDecoder().decode(opened)
  } catch {
    return undefined
  }
}

/** Whether it is a key of 256 bits. */
export function isSealingKey(key: string): boolean {
  try {
    return fromBase64Url(key).length === KEY_BYTES
  } catch {
    return false
  }
}

const paramsOf = (iv: Uint8Array, associatedData: string) => ({
  name: 'AES-GCM',
  iv,
  additionalData: encode(associatedData),
})

const importKey = (key: string) =>
  crypto.subtle.importKey('raw', fromBase64Url(key), 'AES-GCM', false, ['encrypt', 'decrypt'])

const encode = (text: string) => new TextEncoder().encode(text)
