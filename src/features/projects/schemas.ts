import { z } from '@hono/zod-openapi'
import { id, instructions, modelName, moment } from '../../http/fields.ts'
import { filled, text } from '../../lib/wire-fields.ts'

export const name = filled(120).openapi({ example: 'Thesis' })
export const description = text(2_000).nullable().openapi({ example: 'Notes and sources' })
export const color = filled(32).openapi({ example: 'blue' })
const ofConversations = 'Told to the model in every conversation of the project'
const model = modelName
  .min(1)
  .nullable()
  .openapi({ description: 'Makes the replies of its conversations where a request names none' })

const ConversationSummary = z
  .strictObject({
    id,
    title: text(120).nullable().openapi({ example: 'A walk through Paris' }),
    updated_at: moment,
  })
  .openapi('ConversationSummary')

export const Project = z
  .strictObject({
    id,
    name,
    description,
    color,
    instructions: instructions.openapi({ description: ofConversations }),
    model,
    conversations: z
      .array(ConversationSummary)
      .max(20)
      .openapi({ description: 'The 20 that were used last and are not archived' }),
    created_at: moment,
    updated_at: moment,
  })
  .openapi('Project')
export type Project = z.infer<typeof Project>

export const NewProject = z
  .strictObject({
    name,
    description: description.default(null),
    color: color.default('gray'),
    instructions: instructions.default(null),
    model: model.default(null),
  })
  .openapi('NewProject')
export type NewProject = z.infer<typeof NewProject>

export const ProjectChanges = z
  .strictObject({
    name: name.optional(),
    description: description.optional(),
    color: color.optional(),
    instructions: instructions.optional(),
    model: model.optional(),
  })
  .refine((changes) => Object.values(changes).some((value) => value !== undefined), 'Nothing to change')
  .openapi('ProjectChanges', { minProperties: 1 })
export type ProjectChanges = z.infer<typeof ProjectChanges>
