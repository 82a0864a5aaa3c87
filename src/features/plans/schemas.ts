import { z } from '@hono/zod-openapi'
import { id, maybeId, modelName, moment } from '../../http/fields.ts'
import { periodEnd } from '../../lib/periods.ts'
import { integer, text } from '../../lib/wire-fields.ts'
import type { Plan } from './service/plans.ts'
import type { UsageReport } from './service/usage.ts'

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

/** `models` are those of the server; a plan includes tiers of them. */
export const toPlan = (
  plan: Plan,
  models: { id: string; tier: Plan['tiers'][number] }[],
): z.infer<typeof PlanView> => ({
  id: plan.id,
  messages_per_month: plan.messagesPerMonth,
  tokens_per_month: plan.tokensPerMonth,
  requests_per_minute: plan.requestsPerMinute,
  runs_at_once: plan.runsAtOnce,
  storage_bytes: plan.storageBytes,
  file_bytes: plan.fileBytes,
  models: models.filter(({ tier }) => plan.tiers.includes(tier)).map((model) => model.id),
})

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

/** What an admin sees: of one user, or, without a plan, of all. */
export const UsageOfAll = z
  .strictObject({ total: z.strictObject(sums), items: z.array(UsageItem).max(366) })
  .openapi('UsageOfAll')

const day = z.iso.date().openapi({ type: 'string', format: 'date', maxLength: 10, example: '2026-01-01' })

export const UsageQuery = z.object({
  from: day.optional().openapi({ description: 'First day, UTC; without it the first of the month' }),
  to: day.optional().openapi({ description: 'Last day; without it today' }),
  group_by: z.enum(['day', 'model', 'conversation', 'key']).default('day'),
})

export const AdminUsageQuery = UsageQuery.extend({
  user_id: id.optional().openapi({ description: 'Without it: all users, by day or model' }),
})

export const toUsage = (report: Required<UsageReport>): z.infer<typeof Usage> => ({
  plan: report.quota.plan,
  period_start: report.quota.periodStart.toISOString(),
  period_end: periodEnd(report.quota.periodStart).toISOString(),
  messages: report.quota.messages,
  tokens: report.quota.tokens,
  storage: report.quota.storage,
  ...toUsageOfAll(report),
})

export const toUsageOfAll = ({ total, items }: UsageReport): z.infer<typeof UsageOfAll> => ({
  total: toSums(total),
  items: items.map((item) => ({ ...namesOf(item), ...toSums(item) })),
})

const namesOf = ({ groupBy, value, name }: UsageReport['items'][number]) => {
  if (groupBy === 'day') return { day: value }
  if (groupBy === 'model') return { model: value }
  return groupBy === 'key' ? { key_id: value || null, name } : { conversation_id: value || null, name }
}

const toSums = (row: UsageReport['total']) => ({
  runs: row.runs,
  messages: row.messages,
  calls: row.calls,
  input_tokens: row.inputTokens,
  cached_tokens: row.cachedTokens,
  output_tokens: row.outputTokens,
  reasoning_tokens: row.reasoningTokens,
  charged_tokens: row.chargedTokens,
  unbilled_tokens: row.unbilledTokens,
  cost_microusd: row.costMicrousd,
})
