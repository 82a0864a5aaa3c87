import { toApiKey, toChatbotVersion } from '../../chatbots/wire.ts'
import { toConversation } from '../../conversations/wire.ts'
import { toFile } from '../../files/wire.ts'
import { toRun } from '../../runs/wire/run.ts'
import type { ExportRecord } from '../service/export.ts'
import { toAccountOfUser } from './user.ts'

type RowOf<Type extends ExportRecord['type']> = Extract<ExportRecord, { type: Type }>['row']

/** One line of an export: `type` says what the rest is. Field by field, so that a new column stays private. */
export function toLine(record: ExportRecord, userId: string): { type: string } & Record<string, unknown> {
  const { type } = record
  if (type === 'account') return { type, ...toAccountOfUser(record.row), updated_at: record.row.updatedAt }
  if (type === 'session') return { type, ...sessionFields(record.row) }
  if (type === 'project') return { type, ...projectFields(record.row) }
  if (type === 'conversation') return { type, ...toConversation(record.row) }
  if (type === 'message') return { type, ...messageFields(record.row) }
  if (type === 'share') return { type, ...shareFields(record.row) }
  if (type === 'shared_message') return { type, ...sharedFields(record.row) }
  if (type === 'chatbot') return { type, ...chatbotFields(record.row) }
  if (type === 'chatbot_version') return { type, chatbot_id: record.row.chatbotId, ...toChatbotVersion(record.row) }
  if (type === 'api_key') return { type, ...toApiKey(record.row) }
  if (type === 'file') return { type, ...toFile(record.row) }
  if (type === 'run') return { type, ...runFields(record.row) }
  if (type === 'usage') return { type, ...usageFields(record.row) }
  return { type, ...auditFields(record.row, userId) }
}

const sessionFields = (row: RowOf<'session'>) => ({
  id: row.id,
  device: row.device,
  address_hash: row.ipHash,
  created_at: row.createdAt,
  last_used_at: row.lastUsedAt,
  expires_at: row.expiresAt,
  revoked_at: row.revokedAt,
  revoked_reason: row.revokedReason,
})

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

const messageFields = (row: RowOf<'message'>) => ({
  id: row.id,
  conversation_id: row.conversationId,
  parent_id: row.parentId,
  run_id: row.runId,
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

/** Without its token, as a file is easily passed on. */
const shareFields = (row: RowOf<'share'>) => ({
  id: row.id,
  conversation_id: row.conversationId,
  title: row.title,
  created_at: row.createdAt,
  expires_at: row.expiresAt,
})

const sharedFields = (row: RowOf<'shared_message'>) => ({
  share_id: row.shareId,
  place: row.place,
  role: row.role,
  content: row.content,
  model: row.model,
  sources: row.sources ?? [],
  created_at: row.createdAt,
})

/** How it answers is in its versions. */
const chatbotFields = (row: RowOf<'chatbot'>) => ({
  id: row.id,
  name: row.name,
  handle: row.handle,
  version: row.version,
  created_at: row.createdAt,
  updated_at: row.updatedAt,
  deleted_at: row.deletedAt,
})

/** The text is in the message. */
const runFields = (run: RowOf<'run'>) => {
  const { content: _, ...fields } = toRun({ run, content: '' })
  return { ...fields, attempts: run.attempts }
}

const usageFields = (row: RowOf<'usage'>) => ({
  run_id: row.runId,
  conversation_id: row.conversationId,
  kind: row.kind,
  model: row.model,
  status: row.status,
  period_start: row.periodStart,
  messages: row.messages,
  calls: row.calls,
  input_tokens: row.inputTokens,
  cached_tokens: row.cachedTokens,
  output_tokens: row.outputTokens,
  reasoning_tokens: row.reasoningTokens,
  charged_tokens: row.chargedTokens,
  cost_microusd: row.costMicrousd,
  estimated: row.estimated,
  created_at: row.createdAt,
})

/** Who the others are is theirs. */
const auditFields = (row: RowOf<'audit'>, userId: string) => ({
  at: row.at,
  action: row.action,
  by: row.actorId === userId ? 'you' : row.actorId === null ? 'operator' : 'administrator',
  target_type: row.targetType,
  target_id: row.targetId,
  fields: row.fields,
  outcome: row.outcome,
})
