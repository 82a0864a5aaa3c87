import { type RouteConfig, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { bodyStream, contentLength } from '../../../http/body-stream.ts'
import type { AuthedEnv } from '../../../http/context.ts'
import { createRouter } from '../../../http/create-app.ts'
import { AppError } from '../../../http/errors.ts'
import { authed, open } from '../../../http/guards.ts'
import { described, IdParam, json, noContent, withHeaders } from '../../../http/openapi.ts'
import {
  CHECKSUM_ALGORITHMS,
  MAX_METADATA,
  parseChecksum,
  parseMetadata,
  TUS_EXTENSIONS,
  TUS_VERSION,
} from '../../../lib/tus.ts'
import { BYTES, Upload } from '../schemas.ts'
import { appendToUpload } from '../service/resumable-append.ts'
import { beginUpload, endUpload, findUpload, type UploadState } from '../service/resumable-upload.ts'
import { toUpload } from '../wire.ts'

// Resumable uploads by tus 1.0 (https://tus.io/protocols/resumable-upload).

const tags = ['files']

/** A header is read by the handler, in the words of tus. */
const NUMBER = { pattern: '^\\d{1,15}$', maxLength: 15 }

const TusHeader = z.object({
  'tus-resumable': z.string().optional().openapi({
    pattern: '^1\\.0\\.0$',
    maxLength: 5,
    example: TUS_VERSION,
    description: 'The protocol that is spoken',
  }),
})
const PLACE = ['Upload-Offset', 'Upload-Length', 'Upload-Expires'] as const

export const tusRoutes = createRouter()

/** All answers say what is spoken, errors too. */
const spoken = <R extends RouteConfig>(route: R): R => ({
  ...route,
  responses: withHeaders(route.responses, 'Tus-Resumable', 'Tus-Version'),
})
tusRoutes.use(async (c, next) => {
  await next()
  c.res.headers.set('tus-resumable', TUS_VERSION)
  c.res.headers.set('tus-version', TUS_VERSION)
})

tusRoutes.openapi(
  spoken(
    open({
      operationId: 'getUploadOptions',
      tags,
      method: 'options',
      path: '/',
      summary: 'What of the protocol tus is spoken here',
      responses: {
        204: {
          description: 'Its version, extensions and checksums',
          headers: described('Tus-Extension', 'Tus-Checksum-Algorithm'),
        },
      },
    }),
  ),
  (c) =>
    c.body(null, 204, {
      'tus-extension': TUS_EXTENSIONS,
      'tus-checksum-algorithm': CHECKSUM_ALGORITHMS.join(','),
    }),
)

tusRoutes.openapi(
  spoken(
    authed(
      {
        operationId: 'beginUpload',
        tags,
        method: 'post',
        path: '/',
        summary: 'Begin a resumable upload (tus)',
        description: 'Send its `Upload-Length`, and with `Upload-Metadata` its `filename`. The id is that of the file.',
        request: {
          headers: TusHeader.extend({
            'upload-length': z
              .string()
              .optional()
              .openapi({ ...NUMBER, example: '104857600', description: 'In bytes' }),
            'upload-metadata': z.string().optional().openapi({
              pattern: '^[^,]*(,[^,]*)*$',
              maxLength: MAX_METADATA,
              example: 'filename ZG9jdW1lbnQucGRm',
            }),
          }),
        },
        responses: { 201: { description: 'It may come', headers: described('Location', 'Upload-Expires') } },
      },
      ['precondition_failed', 'storage_limit_reached', 'too_large', 'file_store_failed'],
    ),
  ),
  async (c) => {
    requireTus(c)
    const length = numberIn(c, 'upload-length')
    // Only a part of a file, which would lie about alone.
    if (c.req.header('upload-concat')) throw new AppError('bad_request', 'Uploads are not put together: send one')
    const metadata = c.req.header('upload-metadata') ?? ''
    const values = parseMetadata(metadata)
    if (!values) throw new AppError('bad_request', 'Upload-Metadata is no list of names and base64')
    const name = values.get('filename') ?? values.get('name') ?? ''
    const begun = await beginUpload(c.var.ctx, { length, name, metadata })
    return c.body(null, 201, { location: `/api/v1/uploads/${begun.id}`, ...expires(begun) })
  },
)

tusRoutes.openapi(
  spoken(
    authed(
      {
        operationId: 'getUpload',
        tags,
        method: 'get',
        path: '/{id}',
        summary: 'How far a resumable upload is; HEAD is what tus asks with',
        request: { params: IdParam, headers: TusHeader },
        responses: { 200: json(Upload, 'The upload', 'Upload-Metadata', ...PLACE) },
      },
      ['precondition_failed', 'not_found'],
    ),
  ),
  async (c) => {
    requireTus(c)
    const upload = await findUpload(c.var.ctx, c.req.valid('param').id)
    return c.json(toUpload(upload), 200, {
      ...place(upload),
      ...(upload.metadata !== '' && { 'upload-metadata': upload.metadata }),
      'cache-control': 'no-store',
    })
  },
)

tusRoutes.openapi(
  spoken(
    authed(
      {
        operationId: 'appendToUpload',
        tags,
        method: 'patch',
        path: '/{id}',
        summary: 'Go on with a resumable upload',
        description:
          'The file is ready with the last bytes: `GET /files/{id}`. Whoever comes later takes the upload over.',
        streams: true,
        request: {
          params: IdParam,
          headers: TusHeader.extend({
            'upload-offset': z
              .string()
              .optional()
              .openapi({ ...NUMBER, example: '0' }),
            'upload-checksum': z.string().optional().openapi({
              pattern: '^[a-z0-9]+ [A-Za-z0-9+/]+={0,2}$',
              maxLength: 200,
              example: 'sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=',
            }),
          }),
          body: {
            required: true,
            content: { 'application/offset+octet-stream': { schema: BYTES } },
          },
        },
        responses: { 204: { description: 'Stored up to `Upload-Offset`', headers: described(...PLACE) } },
      },
      [
        'precondition_failed',
        'not_found',
        'upload_offset_conflict',
        'checksum_mismatch',
        'unsupported_media_type',
        'file_store_failed',
      ],
    ),
  ),
  async (c) => {
    requireTus(c)
    if (!/^application\/offset\+octet-stream$/i.test(c.req.header('content-type') ?? '')) {
      throw new AppError('unsupported_media_type', 'Send application/offset+octet-stream')
    }
    const told = c.req.header('upload-checksum')
    const checksum = told === undefined ? undefined : parseChecksum(told)
    if (told !== undefined && !checksum) {
      throw new AppError('bad_request', `Upload-Checksum takes ${CHECKSUM_ALGORITHMS.join(', ')} and base64`)
    }
    const piece = { offset: numberIn(c, 'upload-offset'), content: bodyStream(c), length: contentLength(c), checksum }
    const upload = await appendToUpload(c.var.ctx, c.req.valid('param').id, piece)
    return c.body(null, 204, place(upload))
  },
)

tusRoutes.openapi(
  spoken(
    authed(
      {
        operationId: 'endUpload',
        tags,
        method: 'delete',
        path: '/{id}',
        summary: 'Give a resumable upload up',
        request: { params: IdParam, headers: TusHeader },
        responses: { 204: noContent('It is gone') },
      },
      ['precondition_failed', 'not_found'],
    ),
  ),
  async (c) => {
    requireTus(c)
    await endUpload(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)

function requireTus(c: Context<AuthedEnv>): void {
  if (c.req.header('tus-resumable') === TUS_VERSION) return
  throw new AppError('precondition_failed', `Send Tus-Resumable: ${TUS_VERSION}`)
}

/** @throws AppError `bad_request` */
function numberIn(c: Context<AuthedEnv>, name: 'upload-length' | 'upload-offset'): number {
  const text = c.req.header(name) ?? ''
  if (!/^\d{1,15}$/.test(text)) throw new AppError('bad_request', `Send ${name} in bytes`)
  return Number(text)
}

const expires = ({ expiresAt }: UploadState): Record<string, string> =>
  expiresAt ? { 'upload-expires': expiresAt.toUTCString() } : {}

const place = (upload: UploadState) => ({
  'upload-offset': String(upload.offset),
  'upload-length': String(upload.length),
  ...expires(upload),
})
