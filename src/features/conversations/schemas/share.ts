import { z } from '@hono/zod-openapi'
import { id, maybeMoment, modelName, modelText, moment } from '../../../http/fields.ts'
import { integer, made, text, url } from '../../../lib/wire-fields.ts'
import { Source } from '../../runs/schemas/run.ts'

const title = text(120).nullable().openapi({ example: 'A walk through Paris' })
const YEAR_S = 31_536_000

export const Share = z
  .strictObject({
    id,
    conversation_id: id,
    title: title.openapi({ description: 'As it was then' }),
    token: made('A-Za-z0-9_-', 43).length(43).openapi({ example: 'q3Zl0v1mQ7rXnC5yT8uJkE2aWdHsGfPoIiUyTtRrEeW' }),
    url: url(2_200).openapi({
      example: '/app/shared/q3Zl0v1mQ7rXnC5yT8uJkE2aWdHsGfPoIiUyTtRrEeW',
      description: 'The page that APP_URL has for it; without APP_URL, that of the console',
    }),
    created_at: moment,
    expires_at: maybeMoment,
  })
  .openapi('Share')
export type Share = z.infer<typeof Share>

export const NewShare = z
  .strictObject({
    expires_in: integer(60, YEAR_S)
      .nullable()
      .default(null)
      .openapi({ example: 604_800, description: 'Seconds; null for a link that lasts until it is revoked' }),
  })
  .openapi('NewShare')
export type NewShare = z.infer<typeof NewShare>

const SharedMessage = z
  .strictObject({
    place: integer(1, 1_000).openapi({ example: 1 }),
    role: z.enum(['user', 'assistant']),
    content: modelText,
    model: modelName.nullable(),
    sources: z.array(Source).max(100),
    created_at: moment,
  })
  .openapi('SharedMessage')

export const SharedConversation = z
  .strictObject({
    title,
    created_at: moment.openapi({ description: 'When it was shared' }),
    messages: z.array(SharedMessage).max(100),
  })
  .openapi('SharedConversation', { description: 'A copy of a conversation as it was when it was shared' })
export type SharedConversation = z.infer<typeof SharedConversation>

/** What it takes to read one. Malformed is answered like missing. */
export const TokenParam = z.object({
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .openapi({
      param: { name: 'token', in: 'path' },
      maxLength: 43,
      example: 'q3Zl0v1mQ7rXnC5yT8uJkE2aWdHsGfPoIiUyTtRrEeW',
    }),
})
