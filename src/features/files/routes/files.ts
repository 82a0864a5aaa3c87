import { z } from '@hono/zod-openapi'
import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { described, IdParam, json, noContent, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { SHOWN } from '../../../lib/served-types.ts'
import { TEXT } from '../../../lib/wire-fields.ts'
import { toContentResponse } from '../responses.ts'
import { BYTES, File, FileKind } from '../schemas.ts'
import { deleteFile } from '../service/delete.ts'
import * as files from '../service/read.ts'
import { toFile } from '../wire.ts'

const tags = ['files']

export const fileRoutes = createRouter()

fileRoutes.openapi(
  authed(
    {
      operationId: 'listFiles',
      tags,
      method: 'get',
      path: '/files',
      summary: 'List my files, newest first',
      request: { query: PageQuery.extend({ type: FileKind.optional() }) },
      responses: { 200: page(File, 'One page of my files') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const { type, ...asked } = c.req.valid('query')
    const found = await files.listFiles(c.var.ctx, asked, type)
    return c.json(found.items.map(toFile), 200, nextPage(c, found))
  },
)

fileRoutes.openapi(
  authed(
    {
      operationId: 'getFile',
      tags,
      method: 'get',
      path: '/files/{id}',
      summary: 'What is known of a file',
      request: { params: IdParam },
      responses: { 200: json(File, 'The file') },
    },
    ['not_found'],
  ),
  async (c) => c.json(toFile(await files.getFile(c.var.ctx, c.req.valid('param').id)), 200),
)

fileRoutes.openapi(
  authed(
    {
      operationId: 'deleteFile',
      tags,
      method: 'delete',
      path: '/files/{id}',
      summary: 'Delete a file',
      request: { params: IdParam },
      responses: { 204: noContent('It is gone') },
    },
    ['not_found', 'file_in_use'],
  ),
  async (c) => {
    await deleteFile(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)

/** Read as RFC 9110 says: what is no condition, or no range, is none. */
const ContentHeaders = z.object(
  Object.fromEntries(
    ['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'].map((name) => [
      name,
      z
        .string()
        .optional()
        .openapi({ maxLength: 8_192, ...TEXT }),
    ]),
  ),
)

const bytes = {
  content: Object.fromEntries(['application/octet-stream', ...SHOWN].map((type) => [type, { schema: BYTES }])),
}

fileRoutes.openapi(
  authed(
    {
      operationId: 'getFileContent',
      tags,
      method: 'get',
      path: '/files/{id}/content',
      summary: 'The bytes of a file, or a range of them',
      description: 'Conditional requests and one range at a time are answered as RFC 9110 says.',
      request: { params: IdParam, headers: ContentHeaders },
      responses: {
        200: { ...bytes, description: 'All of it', headers: described('ETag') },
        206: { ...bytes, description: 'The range that was asked for', headers: described('ETag', 'Content-Range') },
        304: { description: 'It is what you have', headers: described('ETag') },
      },
    },
    ['not_found', 'file_content_missing', 'precondition_failed', 'range_not_satisfiable', 'file_store_failed'],
  ),
  async (c) => {
    const { method, headers } = c.req.raw
    const content = await files.openContent(c.var.ctx, c.req.valid('param').id, method, headers)
    return toContentResponse(content) as never
  },
)
