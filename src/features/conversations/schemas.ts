import { z } from '@hono/zod-openapi'
import type { conversations } from '../../db/schema/index.ts'
import { Message } from '../messages/schemas.ts'

const title = z.string().trim().min(1).max(120).openapi({ example: 'A walk through Paris' })

export const Conversation = z
  .strictObject({
    id: z.uuid(),
    title: title.nullable().openapi({ description: 'Null until the first message gives it one' }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .openapi('Conversation')

export const ConversationWithMessages = z
  .strictObject({
    ...Conversation.shape,
    messages: z
      .array(Message)
      .max(100)
      .openapi({ description: 'The newest 100, in the order in which they were said' }),
  })
  .openapi('ConversationWithMessages')

export const NewConversation = z.strictObject({ title: title.nullable().default(null) }).openapi('NewConversation')
export type NewConversation = z.infer<typeof NewConversation>

export const ConversationChanges = z
  .strictObject({ title: title.nullable().optional() })
  .refine((changes) => Object.values(changes).some((value) => value !== undefined), 'Nothing to change')
  .openapi('ConversationChanges')
export type ConversationChanges = z.infer<typeof ConversationChanges>

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toConversation = (row: typeof conversations.$inferSelect): z.infer<typeof Conversation> => ({
  id: row.id,
  title: row.title,
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})
