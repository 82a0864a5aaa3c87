import { z } from '@hono/zod-openapi'
import { id, maybeId, moment } from '../../http/fields.ts'
import { PageQuery } from '../../http/pages.ts'
import { integer, text } from '../../lib/wire-fields.ts'

export const SearchQuery = PageQuery.extend({
  q: text(200).min(1).openapi({
    description:
      'Words that must all be there, at most ten. Case and accents do not matter; nothing in it is an operator',
    example: 'walk paris',
  }),
})

/** A tuple has no `items`, and whoever does not know tuples needs them. */
const PLACE = { type: 'integer', format: 'int32', minimum: 0, maximum: 300 } as const
const place = integer(PLACE.minimum, PLACE.maximum)

export const Snippet = z
  .strictObject({
    text: text(300).openapi({ example: 'A walk through Paris' }),
    highlights: z
      .array(z.tuple([place, place]).openapi({ minItems: 2, maxItems: 2, items: PLACE }))
      .max(50)
      .openapi({
        description: 'Where the words are in `text`: from, and up to but without, in UTF-16 units',
        example: [[2, 6]],
      }),
  })
  .openapi('Snippet', { description: 'A part of what was found, as plain text: escape it before it becomes HTML' })

export const SearchResult = z
  .strictObject({
    conversation_id: id,
    conversation_title: text(200).nullable().openapi({ example: 'A walk through Paris' }),
    message_id: maybeId.openapi({ description: 'Null when it is the title that was found' }),
    role: z.enum(['user', 'assistant']).nullable(),
    created_at: moment,
    snippet: Snippet,
  })
  .openapi('SearchResult')
export type SearchResult = z.infer<typeof SearchResult>
