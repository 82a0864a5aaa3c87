import { z } from '@hono/zod-openapi'
import { RUN_KINDS } from '../../../db/schema/index.ts'
import { id, maybeId, maybeMoment, modelName, modelText, moment } from '../../../http/fields.ts'
import * as shapes from '../../../lib/run-events.ts'

export const RunStatus = z.enum(shapes.RunStatus.options).openapi('RunStatus')
export const FinishReason = z.enum(shapes.FinishReason.options).openapi('FinishReason')
export const CancelReason = z.enum(shapes.CancelReason.options).openapi('CancelReason')
export const RunFault = z.strictObject(shapes.RunFault.shape).openapi('RunFault')
export const Warning = z.strictObject(shapes.Warning.shape).openapi('Warning')
export const Source = z.strictObject(shapes.Source.shape).openapi('Source')
const ContextFile = z.strictObject(shapes.ContextFile.shape).openapi('ContextFile', {
  description: 'How much of a file the model was sent: all that it can show, the beginning of it, or its name alone.',
})
export const ContextReport = z
  .strictObject({ ...shapes.ContextReport.shape, files: z.array(ContextFile).max(50).optional() })
  .openapi('ContextReport', {
    description:
      'What the model was sent: messages with the new one, those left out, the estimated tokens, and the files.',
    example: { sent: 12, dropped: 88, tokens: 3120 },
  })
export const Reserved = z.strictObject(shapes.Reserved.shape).openapi('Reserved', {
  description: 'Tokens that are held for the run, and whether there was room for less than was asked for.',
  example: { tokens: 4144, clamped: false },
})
export const Usage = z.strictObject(shapes.Usage.shape).openapi('Usage', {
  example: {
    input_tokens: 3120,
    cached_tokens: 0,
    output_tokens: 9,
    reasoning_tokens: 0,
    total_tokens: 3129,
    charged_tokens: 3129,
    calls: 1,
    last_call: { input_tokens: 3120, output_tokens: 9 },
    cost_microusd: 0,
    estimated: false,
  },
})

/** What to do when a reply is being written in the conversation already. */
export const OnConflict = z.enum(['reject', 'queue', 'interrupt'])
export type OnConflict = z.infer<typeof OnConflict>

export const Run = z
  .strictObject({
    id,
    kind: z.enum(RUN_KINDS),
    status: RunStatus,
    conversation_id: maybeId,
    user_message_id: maybeId,
    message_id: maybeId,
    model: modelName,
    content: modelText.openapi({ description: 'The text so far' }),
    finish_reason: z.union([FinishReason, z.null()]),
    cancel_reason: z.union([CancelReason, z.null()]),
    error: z.union([RunFault, z.null()]),
    context: ContextReport,
    warnings: z.array(Warning).max(10),
    usage: z.union([Usage, z.null()]),
    created_at: moment,
    ended_at: maybeMoment,
  })
  .openapi('Run')
export type Run = z.infer<typeof Run>
