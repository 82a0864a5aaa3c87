import type { Context } from 'hono'
import { AppError } from './errors.ts'

/** The bytes of a request as they come. @throws AppError `bad_request` when there are none, or they break off */
export function bodyStream(c: Context): AsyncGenerator<Uint8Array> {
  const { body } = c.req.raw
  if (!body) throw new AppError('bad_request', 'A body is required')
  return chunksOf(body)
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  for (;;) {
    const { value, done } = await reader.read().catch((cause) => {
      throw new AppError('bad_request', 'The body broke off', { cause })
    })
    if (done) return
    yield value
  }
}

/** `Content-Length`; `undefined` when it is not told (RFC 9112, section 6.3). */
export function contentLength(c: Context): number | undefined {
  const header = c.req.header('content-length')
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined
}
