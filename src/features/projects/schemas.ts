import { z } from '@hono/zod-openapi'
import type { projects } from '../../db/schema/index.ts'
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

/** A project with its newest conversations; times are milliseconds. */
export type StoredProject = typeof projects.$inferSelect & {
  conversations: { id: string; title: string | null; updatedAt: number }[]
}

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toProject = (row: StoredProject): z.infer<typeof Project> => ({
  id: row.id,
  name: row.name,
  description: row.description,
  color: row.color,
  instructions: row.instructions,
  model: row.model,
  conversations: row.conversations.map(({ id, title, updatedAt }) => ({
    id,
    title,
    updated_at: new Date(updatedAt).toISOString(),
  })),
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})
