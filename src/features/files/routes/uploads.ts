import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { bodyStream, contentLength } from '../../../http/body-stream.ts'
import type { AuthedEnv } from '../../../http/context.ts'
import { createRouter } from '../../../http/create-app.ts'
import { AppError } from '../../../http/errors.ts'
import { openFormFile } from '../../../http/form-file.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { json } from '../../../http/openapi.ts'
import { text } from '../../../lib/wire-fields.ts'
import { BYTES, File } from '../schemas.ts'
import { storeFile, type Upload } from '../service/upload.ts'
import { toFile } from '../wire.ts'

const tags = ['files']

const UPLOAD_ERRORS = [
  'idempotency_key_invalid',
  'idempotency_key_reused',
  'storage_limit_reached',
  'not_found',
  'file_store_failed',
] as const

const responses = { 201: json(File, 'The stored file', 'Location', 'Idempotency-Replayed') }

export const uploadRoutes = createRouter()

uploadRoutes.openapi(
  authed(
    {
      operationId: 'uploadFile',
      tags,
      method: 'post',
      path: '/upload',
      summary: 'Upload a file of any type, as a form',
      streams: true,
      request: {
        headers: IdempotencyHeader,
        body: {
          required: true,
          content: {
            'multipart/form-data': { schema: { type: 'object', properties: { file: BYTES }, required: ['file'] } },
          },
        },
      },
      responses,
    },
    [...UPLOAD_ERRORS, 'unsupported_media_type', 'validation_failed'],
  ),
  async (c) => {
    const type = c.req.header('content-type') ?? ''
    if (!/^multipart\/form-data\b/i.test(type)) throw unsupported('multipart/form-data')
    const { name, content } = await openFormFile(type, bodyStream(c))
    // What is around the file counts too, so this is more than there can be of it.
    const maxBytes = contentLength(c) ?? Number.MAX_SAFE_INTEGER
    return stored(c, { name, content, minBytes: 0, maxBytes }, { name })
  },
)

uploadRoutes.openapi(
  authed(
    {
      operationId: 'putFile',
      tags,
      method: 'put',
      path: '/upload',
      summary: 'Upload a file of any type, as the body itself',
      streams: true,
      request: {
        headers: IdempotencyHeader,
        query: z.object({ filename: text(5_000).min(1).openapi({ example: 'document.pdf' }) }),
        body: { required: true, content: { 'application/octet-stream': { schema: BYTES } } },
      },
      responses,
    },
    [...UPLOAD_ERRORS, 'validation_failed'],
  ),
  async (c) => {
    const name = c.req.valid('query').filename
    const length = contentLength(c)
    if (length === undefined) throw new AppError('bad_request', 'Say how long it is, with Content-Length')
    return stored(c, { name, content: bodyStream(c), minBytes: length, maxBytes: length }, { name, length })
  },
)

/** `told` is what is known of the file before it is read, and tells whether a key was used for another one. */
async function stored(c: Context<AuthedEnv>, upload: Upload, told: object) {
  const { file, replayed } = await storeFile(c.var.ctx, upload, await idempotencyOf(c, told))
  return c.json(toFile(file), 201, { location: `/api/v1/files/${file.id}`, ...replayedHeader(replayed) })
}

const unsupported = (type: string) => new AppError('unsupported_media_type', `Send ${type}`)
