import { periodEnd } from '../../lib/periods.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import type { PlanView, Usage, UsageOfAll } from './schemas.ts'
import type { Plan } from './service/plans.ts'
import type { UsageReport } from './service/usage.ts'

/** `models` are those of the server; a plan includes tiers of them. */
export const toPlan = (plan: Plan, models: { id: string; tier: Plan['tiers'][number] }[]): PlanView => ({
  id: plan.id,
  messages_per_month: plan.messagesPerMonth,
  tokens_per_month: plan.tokensPerMonth,
  requests_per_minute: plan.requestsPerMinute,
  runs_at_once: plan.runsAtOnce,
  storage_bytes: plan.storageBytes,
  file_bytes: plan.fileBytes,
  models: models.filter(({ tier }) => plan.tiers.includes(tier)).map((model) => model.id),
})

export const toUsage = (report: Required<UsageReport>): Usage => ({
  plan: report.quota.plan,
  period_start: toTimestamp(report.quota.periodStart),
  period_end: toTimestamp(periodEnd(report.quota.periodStart)),
  messages: report.quota.messages,
  tokens: report.quota.tokens,
  storage: report.quota.storage,
  ...toUsageOfAll(report),
})

export const toUsageOfAll = ({ total, items }: UsageReport): UsageOfAll => ({
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
