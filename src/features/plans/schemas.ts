import { z } from '@hono/zod-openapi'
import { id, maybeId, modelName, moment } from '../../http/fields.ts'
import { integer, text } from '../../lib/wire-fields.ts'

const count = integer(0).openapi({ example: 42 })
export const planId = z
  .string()
  .regex(/^[a-z0-9_-]{1,32}$/, '1 to 32 lower-case letters, digits, dashes or underscores')
  .openapi({ maxLength: 32, example: 'pro' })

export const PlanView = z
  .strictObject({
    id: planId,
    messages_per_month: count,
    tokens_per_month: count,
    requests_per_minute: count,
    runs_at_once: count,
    storage_bytes: count,
    file_bytes: count.openapi({ description: 'The largest file that one request may bring' }),
    models: z.array(modelName).max(50).openapi({ description: 'Models of this server that it includes' }),
  })
  .openapi('Plan')
export type PlanView = z.infer<typeof PlanView>

export const Upgrade = z.strictObject({ plan: planId }).openapi('Upgrade')

const sums = {
  runs: count,
  messages: count,
  calls: count,
  input_tokens: count,
  cached_tokens: count,
  output_tokens: count,
  reasoning_tokens: count,
  charged_tokens: count.openapi({ description: 'What counts against the plan' }),
  unbilled_tokens: count.openapi({ description: 'What a model counted beyond what was reserved: nobody pays it' }),
  cost_microusd: count.openapi({ description: 'By the prices in the table of models, in micro-dollars' }),
}

const UsageItem = z
  .strictObject({
    day: z.iso.date().openapi({ maxLength: 10, example: '2026-01-01' }).optional(),
    model: modelName.optional(),
    conversation_id: maybeId.optional(),
    key_id: maybeId.optional(),
    name: text(120).nullable().optional().openapi({
      example: 'A walk through Paris',
      description: 'Of a conversation or key of mine that is still there',
    }),
    ...sums,
  })
  .openapi('UsageItem', { description: 'What was used in one day, or by one model, conversation or key' })

export const Usage = z
  .strictObject({
    plan: planId,
    period_start: moment,
    period_end: moment.openapi({ description: 'When the month’s quota begins anew' }),
    messages: z.strictObject({ limit: count, used: count, held: count }),
    tokens: z.strictObject({ limit: count, used: count, held: count }),
    storage: z.strictObject({ limit: count, used: count }),
    total: z.strictObject(sums).openapi({ description: 'Of the days asked for' }),
    items: z.array(UsageItem).max(366).openapi({ description: 'By day: the oldest first; else what was charged most' }),
  })
  .openapi('UsageOfPlan')
export type Usage = z.infer<typeof Usage>

/** What an admin sees: of one user, or, without a plan, of all. */
export const UsageOfAll = z
  .strictObject({ total: z.strictObject(sums), items: z.array(UsageItem).max(366) })
  .openapi('UsageOfAll')
export type UsageOfAll = z.infer<typeof UsageOfAll>

const day = z.iso.date().openapi({ type: 'string', format: 'date', maxLength: 10, example: '2026-01-01' })

export const UsageQuery = z.object({
  from: day.optional().openapi({ description: 'First day, UTC; without it the first of the month' }),
  to: day.optional().openapi({ description: 'Last day; without it today' }),
  group_by: z.enum(['day', 'model', 'conversation', 'key']).default('day'),
})

export const AdminUsageQuery = UsageQuery.extend({
  user_id: id.optional().openapi({ description: 'Without it: all users, by day or model' }),
})
