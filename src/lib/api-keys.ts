import { randomBytes } from './ids.ts'

/** `sk` for servers; `pk` may be seen by anybody, as in the script of a web page. */
export const KEY_KINDS = ['sk', 'pk'] as const
export type KeyKind = (typeof KEY_KINDS)[number]

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 62^43 > 2^256, and 62^6 > 2^32. */
const SECRET_LENGTH = 43
const CHECK_LENGTH = 6
/** The form of a key. */
export const KEY_PATTERN = `^parley_(sk|pk)_[0-9A-Za-z]{${SECRET_LENGTH}}_[0-9A-Za-z]{${CHECK_LENGTH}}$`
const SHAPE = new RegExp(KEY_PATTERN)
/** So much of a key is shown in lists, beside its last four characters. */
const PREFIX_LENGTH = 'parley_sk_'.length + 4

/** A fresh key: 256 random bits between what scanners for secrets look for and what refuses junk without a look-up. */
export function newApiKey(kind: KeyKind): string {
  const bits = randomBytes(32)
  const body = `parley_${kind}_${toBase62(bits, SECRET_LENGTH)}`
  return `${body}_${checkOf(body)}`
}

/** The kind of what has the form and the checksum of a key; nothing else is ever looked up. */
export function kindOfApiKey(text: string): KeyKind | undefined {
  const kind = SHAPE.exec(text)?.[1] as KeyKind | undefined
  if (kind === undefined) return undefined
  const end = text.length - CHECK_LENGTH - 1
  return checkOf(text.slice(0, end)) === text.slice(end + 1) ? kind : undefined
}

/** What lists show of a key. */
export const shownOf = (key: string) => ({ prefix: key.slice(0, PREFIX_LENGTH), lastFour: key.slice(-4) })

const checkOf = (body: string): string => {
  const check = crc32(new TextEncoder().encode(body))
  return toBase62(new Uint8Array([check >>> 24, check >>> 16, check >>> 8, check]), CHECK_LENGTH)
}

/** Big-endian, with leading zeros. */
function toBase62(bytes: Uint8Array, length: number): string {
  let number = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  let text = ''
  for (; text.length < length; number /= 62n) text = DIGITS[Number(number % 62n)] + text
  return text
}

/** The one of zip and PNG (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}
