import type { FileKind } from '../../db/schema/files.ts'
import { looksLikeText } from '../../lib/text-bytes.ts'

const UNKNOWN = 'application/octet-stream'

/** Names only tell kinds of text apart: whatever they claim, the bytes are text, and are served as nothing more. */
const TEXT_TYPES: Record<string, string> = {
  css: 'text/css',
  csv: 'text/csv',
  htm: 'text/html',
  html: 'text/html',
  js: 'text/javascript',
  json: 'application/json',
  md: 'text/markdown',
  svg: 'image/svg+xml',
  ts: 'text/x-typescript',
  xml: 'application/xml',
  yaml: 'application/yaml',
  yml: 'application/yaml',
}

/** The media type of a file by its first bytes, not by what a client says. */
export async function mediaTypeOf(head: Uint8Array, name: string): Promise<string> {
  const { fileTypeFromBuffer } = await import('file-type')
  const known = await fileTypeFromBuffer(head)
  if (known) return known.mime
  if (!looksLikeText(head)) return UNKNOWN
  return TEXT_TYPES[/\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''] ?? 'text/plain'
}

/** Documents whose text can be read (document-texts.ts). */
const READABLE = new Set(['application/pdf', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'])

export const isDocument = (mediaType: string): boolean => READABLE.has(mediaType)

const DOCUMENT =
  /^application\/(pdf|rtf|msword|epub\+zip|x-cfb|vnd\.(openxmlformats-officedocument|oasis\.opendocument|ms-))/
const ARCHIVE = /^application\/(zip|gzip|java-archive|x-(7z|rar|tar|bzip2|xz|lzip|compress|lz4)|zstd|vnd\.rar)/

/** What lists call it. */
export function kindOf(mediaType: string): FileKind {
  const [, major] = /^(image|audio|video|text)\//.exec(mediaType) ?? []
  if (major) return major as FileKind
  if (Object.values(TEXT_TYPES).includes(mediaType)) return 'text'
  if (DOCUMENT.test(mediaType)) return 'document'
  return ARCHIVE.test(mediaType) ? 'archive' : 'other'
}
