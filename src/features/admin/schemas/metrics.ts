import { z } from '@hono/zod-openapi'
import { integer } from '../../../lib/wire-fields.ts'

const count = integer(0).openapi({ example: 42 })

const Day = z
  .strictObject({
    day: z.iso.date().openapi({ example: '2026-01-01', maxLength: 10, description: 'UTC' }),
    users: count.openapi({ description: 'How many there were at its end' }),
    new_users: count,
    active_users: count,
    messages: count,
    tokens: count.openapi({ description: 'Charged for runs that ended on this day' }),
    runs: z
      .strictObject({ completed: count, cancelled: count, failed: count, interrupted: count })
      .openapi({ description: 'Ended on this day, by outcome' }),
    duration_ms: z.strictObject({ p50: count, p95: count }).nullable().openapi({
      description: 'From admission to the end, of completed replies; to about a tenth. Null where there was none',
    }),
    storage_bytes: count.openapi({ description: 'How many there were at its end' }),
  })
  .openapi('MetricsDay')

export const Metrics = z
  .strictObject({
    total_users: count,
    total_projects: count,
    total_conversations: count,
    total_messages: count,
    active_users_24h: count.openapi({ description: 'Who opened or refreshed a session in the last 24 hours' }),
    storage_bytes: count,
    days: z.array(Day).max(366).openapi({ description: 'Oldest first, today last' }),
  })
  .openapi('Metrics')
export type Metrics = z.infer<typeof Metrics>

export const MetricsQuery = z.object({
  days: z
    .string()
    .regex(/^\d{1,3}$/, 'A number from 1 to 366')
    .transform(Number)
    .pipe(integer(1, 366))
    .default(30)
    .openapi({ type: 'integer', format: 'int32', minimum: 1, maximum: 366, default: 30, example: 30 }),
})
