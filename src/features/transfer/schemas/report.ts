import { z } from '@hono/zod-openapi'
import { integer, text } from '../../../lib/wire-fields.ts'

const count = integer(0, 10_000_000)

const ImportCounts = z
  .strictObject({ imported: count, existing: count, skipped: count })
  .openapi('ImportCounts', { description: '`existing` was imported before, or never left' })

const SkippedItem = z
  .strictObject({
    where: text(300).openapi({ example: 'line 12' }),
    reason: text(500).openapi({ example: 'Not valid JSON' }),
  })
  .openapi('SkippedItem', { description: 'A line of the file, or a JSON pointer into it' })

export const ImportReport = z
  .strictObject({
    projects: ImportCounts,
    conversations: ImportCounts,
    messages: ImportCounts,
    skipped: z.array(SkippedItem).max(100).openapi({ description: 'The first 100' }),
  })
  .openapi('ImportReport')
export type ImportReport = z.infer<typeof ImportReport>
