import { z } from '@hono/zod-openapi'
import { id, moment } from '../../../http/fields.ts'
import { made, text } from '../../../lib/wire-fields.ts'

export const Session = z
  .strictObject({
    id,
    current: z.boolean().openapi({ description: 'Whether this request was made with it' }),
    device: text(200).nullable().openapi({ description: 'User-Agent that opened it', example: 'curl/8.9' }),
    address_hash: made('A-Za-z0-9_-', 64).nullable().openapi({
      description: 'Equal for equal networks; the address itself is not kept',
      example: 'q2Zy0f1o5mS0Xl2b',
    }),
    created_at: moment,
    last_used_at: moment.openapi({ description: 'When it was opened or last refreshed' }),
    idle_expires_at: moment.openapi({ description: 'When it ends unless it is refreshed' }),
    expires_at: moment.openapi({ description: 'When it ends at the latest' }),
  })
  .openapi('Session')
export type Session = z.infer<typeof Session>
