import { and, asc, between, desc, eq, type SQL, sql } from 'drizzle-orm'
import { userExists } from '../../../db/audit.ts'
import type { Db } from '../../../db/client.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { usageDays } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { invalid, invalidToken, notFound } from '../../../http/errors.ts'
import { dayStart, periodStart } from '../../../lib/periods.ts'
import { type Quota, selectQuota, toQuota } from './quota.ts'

const DAY_MS = 86_400_000
const MAX_DAYS = 366
const MAX_ITEMS = 100

export type GroupBy = 'day' | 'model' | 'conversation' | 'key'
/** Days as `2026-01-31`, both included; without them the month so far. */
export type UsageRequest = { from?: string; to?: string; group_by: GroupBy }

/** What was used; `value` is the day, model, conversation or key, and is empty for none. `name` is what its owner calls it. */
export type UsageItem = Sums & { groupBy: GroupBy; value: string; name: string | null }
export type UsageReport = { quota?: Quota; total: Sums; items: UsageItem[] }

/**
 * The caller's quota of this month, and what they used on the days asked for. It reads sums that are kept with the ledger,
 * so it equals the ledger and does not grow with it.
 * @throws AppError `validation_failed` for days that are none or too many
 */
export async function readUsage({ db, user, now }: Ctx, request: UsageRequest): Promise<Required<UsageReport>> {
  const [from, to] = daysOf(request, now)
  const [[row], [total], items] = await db.batch([
    selectQuota(db, user.id, now),
    selectTotal(db, user.id, from, to),
    selectItems(db, user.id, request.group_by, from, to, OWN_NAMES),
  ])
  if (!row) throw invalidToken()
  return { quota: toQuota(row, now), total: total!, items: items.map((item) => toItem(item, request.group_by)) }
}

/**
 * The same of anybody, or of all users, for an admin.
 * @throws AppError `not_found`, `validation_failed` also for all users by conversation or key
 */
export async function readUsageOf(
  { db, now }: Ctx,
  userId: string | undefined,
  request: UsageRequest,
): Promise<UsageReport> {
  const { group_by: groupBy } = request
  if (userId === undefined && (groupBy === 'conversation' || groupBy === 'key')) {
    throw invalid([{ pointer: 'query:group_by', detail: 'All users are summed by day or by model: name a user_id' }])
  }
  const [from, to] = daysOf(request, now)
  const subject = userId ?? '*'
  try {
    const [, [total], items] = await db.batch([
      mustHold(db, 'user_there', userId === undefined ? sql`true` : userExists(userId)),
      selectTotal(db, subject, from, to),
      selectItems(db, subject, groupBy, from, to),
    ])
    return { total: total!, items: items.map((item) => toItem(item, groupBy)) }
  } catch (error) {
    throw unmetPrecondition(error) === 'user_there' ? notFound() : error
  }
}

function daysOf({ from, to }: UsageRequest, now: Date): [Date, Date] {
  const first = from === undefined ? periodStart(now) : new Date(`${from}T00:00:00Z`)
  const last = to === undefined ? dayStart(now) : new Date(`${to}T00:00:00Z`)
  const days = (last.getTime() - first.getTime()) / DAY_MS + 1
  if (days < 1) throw invalid([{ pointer: 'query:to', detail: '`to` is before `from`' }])
  if (days > MAX_DAYS) throw invalid([{ pointer: 'query:from', detail: `At most ${MAX_DAYS} days at once` }])
  return [first, last]
}

const SUMS = {
  runs: sum('runs'),
  messages: sum('messages'),
  calls: sum('calls'),
  inputTokens: sum('input_tokens'),
  cachedTokens: sum('cached_tokens'),
  outputTokens: sum('output_tokens'),
  reasoningTokens: sum('reasoning_tokens'),
  chargedTokens: sum('charged_tokens'),
  unbilledTokens: sum('unbilled_tokens'),
  costMicrousd: sum('cost_microusd'),
}
type Sums = { [K in keyof typeof SUMS]: number }

/** The alias must not be the column's: the order would then be by a row's own number. */
function sum(column: string) {
  return sql<number>`coalesce(sum(${sql.raw(column)}), 0)`.as(`sum_${column}`)
}

const ofDays = (userId: string, dimension: 'model' | 'conversation' | 'key', from: Date, to: Date) =>
  and(eq(usageDays.userId, userId), eq(usageDays.dimension, dimension), between(usageDays.day, from, to))

const selectTotal = (db: Db, userId: string, from: Date, to: Date) =>
  db
    .select(SUMS)
    .from(usageDays)
    .where(ofDays(userId, 'model', from, to))

/** Of what is still there. */
const OWN_NAMES: Partial<Record<GroupBy, SQL<string | null>>> = {
  conversation: sql`(SELECT title FROM conversations WHERE id = usage_days.value AND user_id = usage_days.user_id)`,
  key: sql`(SELECT name FROM api_keys WHERE id = usage_days.value AND user_id = usage_days.user_id)`,
}

function selectItems(db: Db, userId: string, groupBy: GroupBy, from: Date, to: Date, names: typeof OWN_NAMES = {}) {
  const isByDay = groupBy === 'day'
  const value: SQL<string | number> = isByDay ? sql`day` : sql`value`
  const items = db
    .select({ ...SUMS, value: value.as('of'), name: (names[groupBy] ?? sql<null>`NULL`).as('name') })
    .from(usageDays)
    .where(ofDays(userId, isByDay ? 'model' : groupBy, from, to))
    .groupBy(value)
  return isByDay
    ? items.orderBy(asc(value)).limit(MAX_DAYS)
    : items.orderBy(desc(sql`sum_charged_tokens`), asc(value)).limit(MAX_ITEMS)
}

const toItem = (
  { value, ...rest }: Sums & { value: string | number; name: string | null },
  groupBy: GroupBy,
): UsageItem => ({
  ...rest,
  groupBy,
  value: groupBy === 'day' ? new Date(value).toISOString().slice(0, 10) : String(value),
})
