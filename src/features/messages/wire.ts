import type { messages } from '../../db/schema/index.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import { type Attached, toAttachment } from '../files/wire.ts'
import { type StoredRun, toFault } from '../runs/wire/run.ts'
import type { Message, ReplySettings } from './schemas.ts'

/** What is shown of a message, with what its run, if it has one, adds to it. */
export type MessageWithRun = Omit<typeof messages.$inferSelect, 'depth' | 'tokens' | 'updatedAt'> & {
  [K in 'context' | 'usage' | 'warnings' | 'errorCode' | 'errorMessage' | 'retryable']: StoredRun[K] | null
} & { attachments: Attached[]; siblings?: number | null }

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toMessage = (row: MessageWithRun): Message => ({
  id: row.id,
  conversation_id: row.conversationId,
  parent_id: row.parentId,
  run_id: row.runId,
  role: row.role,
  content: row.content,
  status: row.status,
  model: row.model,
  created_at: toTimestamp(row.createdAt),
  timestamp: toTimestamp(row.createdAt),
  attachments: row.attachments.map(toAttachment),
  context: row.context,
  usage: row.usage,
  error: toFault(row),
  sources: row.sources ?? [],
  warnings: row.warnings ?? [],
  feedback: row.feedback && { rating: row.feedback, comment: row.feedbackComment },
  ...(row.siblings != null && { siblings: row.siblings }),
})

/** How a reply is to be made, in the words of the code. */
export const toReplySettings = (given: ReplySettings) => ({
  model: given.model,
  internetEnabled: given.internet_enabled,
  onConflict: given.on_conflict,
  cancelOnDisconnect: given.on_disconnect === 'cancel',
  refuseTruncation: given.truncation === 'refuse',
  maxOutputTokens: given.max_output_tokens,
})
