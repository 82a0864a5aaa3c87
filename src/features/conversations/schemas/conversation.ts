import { z } from '@hono/zod-openapi'
import { id, instructions, maybeId, maybeMoment, moment } from '../../../http/fields.ts'
import { PageQuery } from '../../../http/pages.ts'
import { filled, uuid } from '../../../lib/wire-fields.ts'
import { Message } from '../../messages/schemas.ts'

export const title = filled(120).openapi({ example: 'A walk through Paris' })
export const tags = z
  .array(filled(40).openapi({ example: 'travel' }))
  .max(20)
  .refine((given) => new Set(given).size === given.length, 'The same tag twice')
  .openapi({ uniqueItems: true, example: ['travel', 'France'] })

export const Conversation = z
  .strictObject({
    id,
    title: title.nullable().openapi({ description: 'Null until the first message gives it one' }),
    project_id: maybeId,
    instructions: instructions.openapi({ description: 'Told to the model after those of the project' }),
    pinned: z.boolean(),
    archived: z.boolean(),
    tags,
    temporary: z.boolean().openapi({ description: 'It is in no list, and is deleted at `expires_at`' }),
    expires_at: maybeMoment.openapi({ description: 'Only of a temporary one; moves with every message' }),
    head_id: maybeId.openapi({ description: 'The last message of the active branch' }),
    created_at: moment,
    updated_at: moment.openapi({ description: 'When something was last said in it' }),
  })
  .openapi('Conversation')
export type Conversation = z.infer<typeof Conversation>

export const ConversationWithMessages = z
  .strictObject({
    ...Conversation.shape,
    messages: z
      .array(Message)
      .max(100)
      .openapi({ description: 'The newest 100, in the order in which they were said' }),
  })
  .openapi('ConversationWithMessages')

const organised = ['project_id', 'pinned', 'archived', 'tags'] as const

export const NewConversation = z
  .strictObject({
    title: title.nullable().default(null),
    project_id: maybeId.default(null),
    instructions: instructions.default(null),
    pinned: z.boolean().default(false),
    archived: z.boolean().default(false),
    tags: tags.default([]),
    temporary: z.boolean().default(false).openapi({ description: 'For good: used up, metered, and not kept' }),
  })
  .superRefine((given, issues) => {
    const isSet = { ...given, tags: given.tags.length > 0 }
    for (const field of given.temporary ? organised.filter((field) => isSet[field]) : []) {
      issues.addIssue({ code: 'custom', path: [field], message: 'Not of a temporary conversation' })
    }
  })
  .openapi('NewConversation')
export type NewConversation = z.infer<typeof NewConversation>

export const ConversationChanges = z
  .strictObject({
    title: title.nullable().optional().openapi({ description: 'Null: the next message gives it one' }),
    project_id: maybeId.optional(),
    instructions: instructions.optional(),
    pinned: z.boolean().optional(),
    archived: z.boolean().optional(),
    tags: tags.optional(),
    head_id: id.optional().openapi({ description: 'Makes the newest branch through this message the active one' }),
  })
  .refine((changes) => Object.values(changes).some((value) => value !== undefined), 'Nothing to change')
  .openapi('ConversationChanges', { minProperties: 1 })
export type ConversationChanges = z.infer<typeof ConversationChanges>

/** Each filter has an index of its own, and there is none for two of them. */
export const ConversationQuery = PageQuery.extend({
  archived: z
    .enum(['true', 'false'])
    .default('false')
    .openapi({ description: 'Those that are archived, or the others' }),
  pinned: z.literal('true').optional().openapi({ description: 'Only those that are pinned' }),
  project_id: uuid().optional().openapi({ description: 'Only those of this project' }),
  tag: filled(40).optional().openapi({ description: 'Only those with this tag' }),
}).superRefine(({ pinned, project_id, tag }, issues) => {
  const given = Object.entries({ pinned, project_id, tag }).filter(([, value]) => value !== undefined)
  for (const [field] of given.slice(1)) {
    issues.addIssue({ code: 'custom', path: [field], message: 'Only one of pinned, project_id and tag' })
  }
})
export type ConversationQuery = z.infer<typeof ConversationQuery>
