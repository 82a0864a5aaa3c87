import { z } from '@hono/zod-openapi'
import type { sessions } from '../../../db/schema/index.ts'
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

type Row = Omit<typeof sessions.$inferSelect, 'userId' | 'revokedAt' | 'revokedReason'>

export const toSession = (row: Row & { idleExpiresAt: Date; current: boolean }): z.infer<typeof Session> => ({
  id: row.id,
  current: row.current,
  device: row.device,
  address_hash: row.ipHash,
  created_at: row.createdAt.toISOString(),
  last_used_at: row.lastUsedAt.toISOString(),
  idle_expires_at: row.idleExpiresAt.toISOString(),
  expires_at: row.expiresAt.toISOString(),
})
