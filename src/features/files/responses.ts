import { contentDisposition } from '../../lib/file-names.ts'
import { servedAs } from '../../lib/served-types.ts'
import type { Content } from './service/read.ts'

/** The bytes of a file as a browser may have them: never as a page, a script, or anything that could act in our name. */
export function toContentResponse({ file, etag, range, body, isUnchanged }: Content): Response {
  const { inline, contentType } = servedAs(file.mediaType)
  const common = { etag, 'last-modified': file.createdAt.toUTCString(), 'cache-control': 'private, no-cache' }
  if (isUnchanged) return new Response(null, { status: 304, headers: common })
  return new Response(body ?? null, {
    status: range ? 206 : 200,
    headers: {
      ...common,
      'content-type': contentType,
      'content-length': String(range ? range.last - range.first + 1 : file.size),
      'content-disposition': contentDisposition(inline ? 'inline' : 'attachment', file.name),
      'content-security-policy': "sandbox; default-src 'none'",
      'accept-ranges': 'bytes',
      ...(range && { 'content-range': `bytes ${range.first}-${range.last}/${file.size}` }),
    },
  })
}
