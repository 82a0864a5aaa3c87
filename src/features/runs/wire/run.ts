import type { runs } from '../../../db/schema/index.ts'
import type { RunFault } from '../../../lib/run-events.ts'
import { toTimestamp } from '../../../lib/timestamps.ts'
import type { Run } from '../schemas/run.ts'

/** A run as D1 has it. */
export type StoredRun = typeof runs.$inferSelect

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toRun = ({ run, content }: { run: StoredRun; content: string }): Run => ({
  id: run.id,
  kind: run.kind,
  status: run.status,
  conversation_id: run.conversationId,
  user_message_id: run.userMessageId,
  message_id: run.messageId,
  model: run.model,
  content,
  finish_reason: run.finishReason,
  cancel_reason: run.cancelReason,
  error: toFault(run),
  context: run.context,
  warnings: run.warnings,
  usage: run.usage,
  created_at: toTimestamp(run.createdAt),
  ended_at: toTimestamp(run.endedAt),
})

/** What ended a run that failed or was interrupted. */
export const toFault = (run: Pick<StoredRun, 'errorCode' | 'errorMessage' | 'retryable'>): RunFault | null =>
  run.errorCode === null
    ? null
    : { code: run.errorCode, message: run.errorMessage ?? '', retryable: run.retryable ?? false }
