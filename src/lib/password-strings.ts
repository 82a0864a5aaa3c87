/** Parameters and result of one scrypt hash, as a PHC string `$scrypt$ln=15,r=8,p=3$salt$hash`. */
export type PasswordHash = { ln: number; r: number; p: number; salt: Uint8Array; hash: Uint8Array }

const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,88})\$([A-Za-z0-9+/]{16,88})$/

export const formatPasswordHash = ({ ln, r, p, salt, hash }: PasswordHash): string =>
  `$scrypt$ln=${ln},r=${r},p=${p}$${toBase64(salt)}$${toBase64(hash)}`

/** `undefined` for anything that is not such a string, or asks for more than 64 MiB or 2^20 block mixes. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = PHC.exec(text)
  if (!match) return undefined
  const [ln, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (128 * 2 ** ln * r > 64 * 1024 * 1024 || 2 ** ln * r * p > 2 ** 20) return undefined
  return { ln, r, p, salt: fromBase64(match[4]!), hash: fromBase64(match[5]!) }
}

const toBase64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replaceAll('=', '')
const fromBase64 = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
