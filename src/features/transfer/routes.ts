import { createRouter } from '../../http/create-app.ts'
import { authed } from '../../http/guards.ts'
import { describeError } from '../../http/log.ts'
import { ndjson } from '../../http/ndjson.ts'
import { json } from '../../http/openapi.ts'
import { TEXT, text } from '../../lib/wire-fields.ts'
import { ExportQuery } from './schemas/export.ts'
import { ImportReport } from './schemas/report.ts'
import { exportConversations } from './service/export.ts'
import { importFile } from './service/import.ts'
import { exportLines, toImportReport } from './wire.ts'

const IMPORT = {
  bytes: 10 * 1024 * 1024,
  detail:
    'An import may have 10 MiB at most. Larger files will be taken as uploads, by `file_id`; until then, import parts',
}

const tags = ['conversations']

export const transferRoutes = createRouter()

transferRoutes.openapi(
  authed(
    {
      operationId: 'exportConversations',
      tags,
      method: 'get',
      path: '/export',
      summary: 'My projects and conversations, one JSON document per line; whole only with the last line, `end`',
      request: { query: ExportQuery },
      responses: {
        200: {
          description: 'Lines with a `type`: `parley.export`, `project`, `conversation`, `message`, `end`',
          content: { 'application/x-ndjson': { schema: text(1_000_000_000) } },
        },
      },
    },
    ['validation_failed', 'not_found'],
  ),
  async (c) => {
    const { ctx } = c.var
    const records = await exportConversations(ctx, c.req.valid('query').conversation_id)
    return ndjson({
      filename: 'parley-conversations.ndjson',
      ...exportLines(records, ctx.now),
      failed: (error) => ctx.log('error', 'export_failed', describeError(error)),
    }) as never
  },
)

transferRoutes.openapi(
  authed({
    operationId: 'importConversations',
    tags,
    method: 'post',
    path: '/import',
    summary:
      'Take over an export of Parley, or the conversations.json of ChatGPT; what is there already stays as it is',
    file: IMPORT,
    request: {
      body: {
        required: true,
        content: {
          'application/x-ndjson': { schema: { type: 'string', maxLength: IMPORT.bytes, ...TEXT } },
          'application/json': {
            schema: { type: 'array', maxItems: IMPORT.bytes, items: { type: 'object' } },
          },
        },
      },
    },
    responses: { 200: json(ImportReport, 'What was taken over, and what was not') },
  }),
  async (c) => {
    const isLines = c.req.header('content-type')!.toLowerCase().startsWith('application/x-ndjson')
    const report = await importFile(c.var.ctx, await c.req.text(), isLines ? 'parley' : 'chatgpt')
    return c.json(toImportReport(report), 200)
  },
)
