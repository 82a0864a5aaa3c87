import { z } from '@hono/zod-openapi'
import type { Source as FoundSource, StoredMessage, Usage as UsageNumbers } from '../../../lib/run-events.ts'
import * as events from '../../../lib/run-events.ts'
import { Message, toMessage } from '../../messages/schemas.ts'
import type { RunRef } from '../job.ts'
import { CancelReason, ContextReport, FinishReason, Reserved, RunFault, RunStatus, Source, Warning } from './run.ts'

/** What `data` of an event is: its name is in the line `event`, not in it. */
const dataOf = <S extends z.ZodRawShape>({ type, ...shape }: S & { type: z.ZodType }) => z.strictObject(shape)

const ended = { status: RunStatus }

/** The events of a stream. OpenAPI 3.1 cannot say what a stream carries, so they are named here (docs/runs.md). */
export const RUN_EVENTS = {
  RunCreatedEvent: dataOf({
    ...events.RunCreatedEvent.shape,
    ...ended,
    context: ContextReport,
    reserved: z.union([Reserved, z.null()]),
    warnings: z.array(Warning).max(10),
  }),
  ReasoningDeltaEvent: dataOf(events.ReasoningDeltaEvent.shape),
  MessageDeltaEvent: dataOf(events.MessageDeltaEvent.shape),
  ToolCallEvent: dataOf(events.ToolCallEvent.shape),
  ToolResultEvent: dataOf({ ...events.ToolResultEvent.shape, sources: z.array(Source).max(10) }),
  TitleEvent: dataOf(events.TitleEvent.shape),
  UsageEvent: dataOf(events.UsageEvent.shape),
  MessageCompletedEvent: dataOf({ ...events.MessageCompletedEvent.shape, message: Message }),
  RunCompletedEvent: dataOf({ ...events.RunCompletedEvent.shape, ...ended, finish_reason: FinishReason }),
  RunCancelledEvent: dataOf({ ...events.RunCancelledEvent.shape, ...ended, cancel_reason: CancelReason }),
  RunFailedEvent: dataOf({ ...events.RunFailedEvent.shape, ...ended, error: RunFault }),
  RunInterruptedEvent: dataOf({ ...events.RunInterruptedEvent.shape, ...ended, error: RunFault }),
  RunResetEvent: z.strictObject({ run_id: z.uuid(), after: z.int().min(0).max(0) }),
}

/** The reply as `GET /messages/{id}` will give it, made without reading it back. */
export const toStoredMessage = (
  run: RunRef,
  content: string,
  sources: FoundSource[],
  usage: UsageNumbers,
): StoredMessage =>
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
