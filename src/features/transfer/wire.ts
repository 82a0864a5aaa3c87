import type { ImportReport } from './schemas/report.ts'
import type { ExportRecord } from './service/export.ts'
import type { Report } from './service/import.ts'

/** Field by field. What names a place is of the file, and may be anything. */
export const toImportReport = ({ projects, conversations, messages, skipped }: Report): ImportReport => ({
  projects,
  conversations,
  messages,
  skipped: skipped.map(({ where, reason }) => ({
    where: where.slice(0, 300).toWellFormed(),
    reason: reason.slice(0, 500),
  })),
})

const FORMAT = 'parley.export'
const VERSION = 1

/** The lines of an export, and what its last one says: how many there were of each kind. */
export function exportLines(records: AsyncGenerator<ExportRecord>, now: Date) {
  const counts = { projects: 0, conversations: 0, messages: 0 }
  async function* lines() {
    yield { type: FORMAT, version: VERSION, exported_at: now }
    for await (const record of records) {
      counts[`${record.type}s`] += 1
      yield toLine(record)
    }
  }
  return { lines: lines(), end: () => ({ counts }) }
}

type RowOf<Type extends ExportRecord['type']> = Extract<ExportRecord, { type: Type }>['row']

/** One line of an export: `type` says what the rest is. Field by field, so that a new column stays private. */
function toLine(record: ExportRecord): { type: string } & Record<string, unknown> {
  const { type } = record
  if (type === 'project') return { type, ...projectFields(record.row) }
  if (type === 'conversation') return { type, ...conversationFields(record.row) }
  return { type, ...messageFields(record.row) }
}

const projectFields = (row: RowOf<'project'>) => ({
  id: row.id,
  name: row.name,
  description: row.description,
  color: row.color,
  instructions: row.instructions,
  model: row.model,
  created_at: row.createdAt,
  updated_at: row.updatedAt,
})

const conversationFields = (row: RowOf<'conversation'>) => ({
  id: row.id,
  project_id: row.projectId,
  title: row.title,
  title_source: row.titleSource,
  instructions: row.instructions,
  archived: row.state === 'archived',
  pinned_at: row.pinnedAt,
  tags: row.tags,
  head_id: row.headId,
  created_at: row.createdAt,
  updated_at: row.updatedAt,
})

const messageFields = (row: RowOf<'message'>) => ({
  id: row.id,
  conversation_id: row.conversationId,
  parent_id: row.parentId,
  role: row.role,
  content: row.content,
  status: row.status,
  model: row.model,
  sources: row.sources ?? [],
  files: row.attachments.map(({ id, name }) => ({ id, filename: name })),
  feedback: row.feedback && { rating: row.feedback, comment: row.feedbackComment },
  created_at: row.createdAt,
  updated_at: row.updatedAt,
})
