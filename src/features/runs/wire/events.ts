import type { Source, StoredMessage, Usage } from '../../../lib/run-events.ts'
import { toMessage } from '../../messages/wire.ts'
import type { RunRef } from '../job.ts'

/** The reply as `GET /messages/{id}` will give it, made without reading it back. */
export const toStoredMessage = (run: RunRef, content: string, sources: Source[], usage: Usage): StoredMessage =>
  toMessage({
    id: run.messageId!,
    conversationId: run.conversationId!,
    parentId: run.userMessageId,
    runId: run.id,
    role: 'assistant',
    content,
    status: 'completed',
    model: run.model,
    sources,
    attachments: [],
    feedback: null,
    feedbackComment: null,
    context: run.context,
    usage,
    warnings: run.warnings,
    errorCode: null,
    errorMessage: null,
    retryable: null,
    createdAt: new Date(run.createdAt),
  })
