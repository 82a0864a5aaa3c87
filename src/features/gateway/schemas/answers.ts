import { z } from '@hono/zod-openapi'
import { integer, text } from '../../../lib/wire-fields.ts'
import { FinishReason } from '../../runs/schemas/run.ts'

const id = text(200)
const tokens = integer(0, 100_000_000)
const created = integer(0, 100_000_000_000).openapi({ description: 'Seconds since 1970' })

export const ModelEntry = z
  .strictObject({ id, object: z.literal('model'), created, owned_by: id })
  .openapi('ModelEntry', {
    example: { id: 'parley-offline', object: 'model', created: 1_767_225_600, owned_by: 'parley' },
  })

export const ModelList = z
  .strictObject({ object: z.literal('list'), data: z.array(ModelEntry).max(500) })
  .openapi('ModelList')

const ToolCall = z.strictObject({
  id,
  type: z.literal('function'),
  function: z.strictObject({ name: text(64), arguments: text(262_144) }),
})

export const ChatCompletion = z
  .strictObject({
    id,
    object: z.literal('chat.completion'),
    created,
    model: id,
    choices: z
      .array(
        z.strictObject({
          index: z.literal(0),
          message: z.strictObject({
            role: z.literal('assistant'),
            content: text(262_144).nullable(),
            refusal: z.null(),
            reasoning_content: text(262_144).optional(),
            tool_calls: z.array(ToolCall).max(128).optional(),
          }),
          logprobs: z.null(),
          finish_reason: FinishReason,
        }),
      )
      .length(1)
      .openapi({ maxItems: 1 }),
    usage: z.strictObject({
      prompt_tokens: tokens,
      completion_tokens: tokens,
      total_tokens: tokens,
      prompt_tokens_details: z.strictObject({ cached_tokens: tokens }),
      completion_tokens_details: z.strictObject({ reasoning_tokens: tokens }),
    }),
  })
  .openapi('ChatCompletion')
export type ChatCompletion = z.infer<typeof ChatCompletion>
