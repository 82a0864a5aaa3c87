import { periodEnd } from '../lib/periods.ts'
import { toTimestamp } from '../lib/timestamps.ts'

type Allowance = { limit: number; used: number; held: number }

/** What a plan allows in a month, and what of it is used and held. */
export type QuotaFigures = { periodStart: Date; messages: Allowance; tokens: Allowance }

/** What is left of a month's quota, on every answer of a chat route. `remaining` is limit − used − held. */
export const quotaHeaders = (quota: QuotaFigures) => ({
  'x-quota-limit-messages': String(quota.messages.limit),
  'x-quota-remaining-messages': String(remaining(quota.messages)),
  'x-quota-limit-tokens': String(quota.tokens.limit),
  'x-quota-remaining-tokens': String(remaining(quota.tokens)),
  'x-quota-reset': toTimestamp(periodEnd(quota.periodStart)),
})

/** Below zero after a change to a smaller plan: then nothing is left. */
const remaining = ({ limit, used, held }: Allowance) => Math.max(0, limit - used - held)
