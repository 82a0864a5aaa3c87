/** The version of the protocol for resumable uploads that is spoken here (tus.io). */
export const TUS_VERSION = '1.0.0'
export const TUS_EXTENSIONS = 'creation,expiration,termination,checksum'
export const CHECKSUM_ALGORITHMS = ['sha1', 'sha256', 'sha512', 'md5'] as const

export const MAX_METADATA = 4_096

/**
 * What `Upload-Metadata` says: pairs of a name and a value in base64, with commas between them. `undefined` when it is no
 * such list, or longer than 4,096 characters.
 */
export function parseMetadata(header: string): Map<string, string> | undefined {
  const found = new Map<string, string>()
  if (header.length > MAX_METADATA) return undefined
  for (const pair of header.split(',').map((text) => text.trim())) {
    if (pair === '') continue
    const [name, value = '', ...more] = pair.split(' ')
    if (more.length > 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return undefined
    const bytes = bytesOf(value)
    if (!bytes) return undefined
    found.set(name!, new TextDecoder().decode(bytes))
  }
  return found
}

export type Checksum = { algorithm: (typeof CHECKSUM_ALGORITHMS)[number]; base64: string }

/** `Upload-Checksum`: an algorithm and a digest in base64. `undefined` when it is neither, or of another algorithm. */
export function parseChecksum(header: string): Checksum | undefined {
  const [, name, base64 = ''] = /^(\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(header) ?? []
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === name)
  return algorithm && { algorithm, base64 }
}

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
