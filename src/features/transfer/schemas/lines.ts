import { z } from '@hono/zod-openapi'
import { instructions as told } from '../../../http/fields.ts'
import { RunStatus, Source } from '../../../lib/run-events.ts'
import { tags, title } from '../../conversations/schemas/conversation.ts'
import { color, description, name } from '../../projects/schemas.ts'

// What an import takes of the lines of an export. What it does not know it leaves: a later version may have more.

/** An id of the file. It need not be one of ours. */
const id = z.string().min(1).max(200)
/** A time that is none is no reason to lose what it is the time of. */
const moment = z.string().max(64).nullish().catch(null)
const model = z.string().max(200).nullish()
const instructions = told.optional()
const isWebPage = ({ url }: Source) => /^https?:\/\//i.test(url)

export const HeaderLine = z.object({ type: z.literal('parley.export'), version: z.literal(1) })

export const ProjectLine = z.object({
  type: z.literal('project'),
  id,
  name,
  description: description.optional(),
  color: color.default('gray'),
  instructions,
  model,
  created_at: moment,
  updated_at: moment,
})

export const ConversationLine = z.object({
  type: z.literal('conversation'),
  id,
  project_id: id.nullish(),
  title: title.nullish(),
  title_source: z.enum(['text', 'model', 'user']).nullish(),
  instructions,
  archived: z.boolean().default(false),
  pinned_at: moment,
  tags: tags.default([]),
  head_id: id.nullish(),
  created_at: moment,
  updated_at: moment,
})

export const MessageLine = z.object({
  type: z.literal('message'),
  id,
  conversation_id: id,
  parent_id: id.nullable(),
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  status: RunStatus.default('completed'),
  model,
  /** A link that is no web page could be a script in whoever shows it. */
  sources: z
    .array(Source)
    .max(100)
    .default([])
    .transform((sources) => sources.filter(isWebPage)),
  /** Their content is not in the file. */
  files: z
    .array(z.object({ filename: z.string().max(400) }))
    .max(10)
    .default([])
    .catch([]),
  feedback: z.object({ rating: z.enum(['up', 'down']), comment: z.string().max(2_000).nullish() }).nullish(),
  created_at: moment,
  updated_at: moment,
})

export type ProjectLine = z.infer<typeof ProjectLine>
export type ConversationLine = z.infer<typeof ConversationLine>
export type MessageLine = z.infer<typeof MessageLine>
