import { z } from '@hono/zod-openapi'

// What an import reads of ChatGPT's `conversations.json`, which is documented nowhere. What is odd in what matters little
// is passed over.

const id = z.string().min(1).max(200)
const seconds = z.number().nullish().catch(null)

export const ChatGptConversation = z
  .object({
    id: id.optional(),
    conversation_id: id.optional(),
    title: z.string().nullish().catch(null),
    create_time: seconds,
    update_time: seconds,
    is_archived: z.boolean().nullish().catch(null),
    current_node: z.string().nullish().catch(null),
    mapping: z.custom<Record<string, unknown>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'No messages in it',
    ),
  })
  .refine((value) => value.id !== undefined || value.conversation_id !== undefined, 'It has no id')

export const ChatGptNode = z.object({
  parent: z.string().nullish(),
  message: z
    .object({
      author: z.object({ role: z.string() }),
      content: z.object({ content_type: z.string(), parts: z.array(z.unknown()).nullish() }),
      status: z.string().nullish().catch(null),
      recipient: z.string().nullish().catch(null),
      create_time: seconds,
      metadata: z
        .object({
          model_slug: z.string().nullish().catch(null),
          is_visually_hidden_from_conversation: z.boolean().nullish().catch(null),
        })
        .nullish()
        .catch(null),
    })
    .nullish(),
})
