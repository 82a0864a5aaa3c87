import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Page } from '../db/pages.ts'
import { encodeCursor } from '../lib/cursors.ts'
import { integer, text } from '../lib/wire-fields.ts'

/** Query of every list. */
export const PageQuery = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'A number from 1 to 100')
    .transform(Number)
    .pipe(integer(1, 100))
    .default(20)
    .openapi({ type: 'integer', format: 'int32', minimum: 1, maximum: 100, default: 20, example: 20 }),
  cursor: text(512).min(1).optional().openapi({ description: 'From `X-Next-Cursor` of the page before' }),
})

/** The headers that lead to the next page; none on the last. */
export function nextPage(c: Context, { next }: Page<unknown>): Record<string, string> {
  if (!next) return {}
  const cursor = encodeCursor(next)
  const url = new URL(c.req.url)
  url.searchParams.set('cursor', cursor)
  return { link: `<${url.pathname}${url.search}>; rel="next"`, 'x-next-cursor': cursor }
}
