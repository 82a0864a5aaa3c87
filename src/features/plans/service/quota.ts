import { and, eq, inArray, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { constraintOf } from '../../../db/failures.ts'
import { plans, quotaPeriods, reservations, storageUse, users } from '../../../db/schema/index.ts'
import { SWEEP_ROWS } from '../../../db/sweep.ts'
import type { BaseCtx, Ctx, OwnerCtx } from '../../../http/context.ts'
import { AppError, invalidToken } from '../../../http/errors.ts'
import { periodEnd, periodStart } from '../../../lib/periods.ts'
import { toTimestamp } from '../../../lib/timestamps.ts'

/** The least output that a run is begun for; the same number is in the check of the table. */
export const MIN_OUTPUT = 16
/** Seconds after which something that is in flight may have ended. */
const IN_FLIGHT_S = 2

/** What a plan allows in a month, and what of it is used up and held by runs that are going on. */
export type Quota = {
  plan: string
  periodStart: Date
  runsAtOnce: number
  messages: Allowance
  tokens: Allowance
  storage: { limit: number; used: number }
}
export type Allowance = { limit: number; used: number; held: number }

/**
 * What a call of a model asks for: estimated input, wanted output, in tokens. The first call of a run pays for a message
 * and counts among the runs at once; further ones, and a title's only one, do neither.
 */
export type Need = { runId: string; call: number; inputTokens: number; outputTokens: number }

const subjectOf = (userId: string) => `user:${userId}`

/** What a key may use in a month, in tokens, besides what its owner may. */
export type KeyCap = { familyId: string; tokens: number }

const keySubjectOf = ({ familyId }: KeyCap) => `key:${familyId}`

/**
 * Statements that reserve what a call needs, as much output as there is room for. They undo their batch when there is no
 * room (`quotaRefusal`).
 */
export const reserve = (
  db: Db,
  userId: string,
  { runId, call, inputTokens, outputTokens }: Need,
  now: Date,
  cap?: KeyCap,
) => {
  const messages = call === 1 ? 1 : 0
  const subject = subjectOf(userId)
  const start = periodStart(now)
  const keySubject = cap ? keySubjectOf(cap) : null
  const subjects = keySubject === null ? [subject] : [subject, keySubject]
  const ofPeriod = and(inArray(quotaPeriods.subject, subjects), eq(quotaPeriods.periodStart, start))
  const capRoom = cap ? sql`, ${cap.tokens} - k.tokens_used - k.tokens_held - ${inputTokens}` : sql``
  const ofKey = cap
    ? sql`LEFT JOIN quota_periods k ON k.subject = ${keySubject} AND k.period_start = q.period_start`
    : sql``
  return [
    db
      .insert(quotaPeriods)
      .values(subjects.map((one) => ({ subject: one, periodStart: start })))
      .onConflictDoNothing(),
    // A user without a plan gets null into columns that take none.
    db.insert(reservations).select(sql`
      SELECT ${runId}, ${call}, q.subject, ${keySubject}, q.period_start, ${messages}, ${inputTokens},
        min(${outputTokens}, p.tokens_per_month - q.tokens_used - q.tokens_held - ${inputTokens} ${capRoom}),
        p.messages_per_month - q.messages_used - q.messages_held,
        p.runs_at_once - (SELECT count(*) FROM reservations r WHERE r.subject = q.subject AND r.call = 1)
      FROM quota_periods q LEFT JOIN users u ON u.id = ${userId} LEFT JOIN plans p ON p.id = u.plan ${ofKey}
      WHERE q.subject = ${subject} AND q.period_start = ${start.getTime()}`),
    db
      .update(quotaPeriods)
      .set({
        messagesHeld: sql`messages_held + ${messages}`,
        tokensHeld: sql`tokens_held + ${sumOf('input_tokens + output_tokens', runId, call)}`,
      })
      .where(ofPeriod),
  ] as const
}

/** What a run holds, over all its calls or by one of them. */
const sumOf = (what: 'messages' | 'input_tokens + output_tokens', runId: string, call?: number): SQL =>
  sql`(SELECT sum(${sql.raw(what)}) FROM reservations WHERE run_id = ${runId} ${call === undefined ? sql`` : sql`AND call = ${call}`})`

/** What is stored with a run of its reservation, as JSON. */
export const reservedAsJson = ({ runId, call, outputTokens }: Need): SQL => sql`(
  SELECT json_object('tokens', input_tokens + output_tokens, 'clamped', json(iif(output_tokens < ${outputTokens}, 'true', 'false')))
  FROM reservations WHERE run_id = ${runId} AND call = ${call})`

/** Of a key with a cap, what it used is kept here alone. */
const usedByKey = (what: 'messages' | 'charged_tokens', runId: string): SQL =>
  sql`iif(subject LIKE 'key:%', coalesce((SELECT ${sql.raw(what)} FROM usage_ledger WHERE run_id = ${runId}), 0), 0)`

/**
 * Statements that follow the ledger's row of a run in its batch: they give back what it held. What it used was added by
 * the row itself (migrations/0004). Without a reservation they change nothing, so doing it twice is doing it once.
 */
export const release = (db: Db, runId: string) =>
  [
    db
      .update(quotaPeriods)
      .set({
        messagesHeld: sql`messages_held - ${sumOf('messages', runId)}`,
        tokensHeld: sql`tokens_held - ${sumOf('input_tokens + output_tokens', runId)}`,
        messagesUsed: sql`messages_used + ${usedByKey('messages', runId)}`,
        tokensUsed: sql`tokens_used + ${usedByKey('charged_tokens', runId)}`,
      })
      .where(
        sql`subject IN (SELECT subject FROM reservations WHERE run_id = ${runId}
            UNION ALL SELECT key_subject FROM reservations WHERE run_id = ${runId})
          AND period_start = (SELECT period_start FROM reservations WHERE run_id = ${runId} LIMIT 1)`,
      ),
    db.delete(reservations).where(eq(reservations.runId, runId)),
  ] as const

/** What a key with a cap has used of the month. */
const readKeyUse = ({ db, now }: Pick<Ctx, 'db' | 'now'>, cap: KeyCap) =>
  db
    .select({ used: quotaPeriods.tokensUsed })
    .from(quotaPeriods)
    .where(and(eq(quotaPeriods.subject, keySubjectOf(cap)), eq(quotaPeriods.periodStart, periodStart(now))))
    .get()

/** Minutes: it looks through all reservations, of which there are as many as there are runs going on. */
const LOOK_EVERY = 10

/** A chore: gives back what is held for runs that have ended or are gone, as nothing but a fault can leave it. */
export async function releaseOrphans({ db, now, log }: Pick<BaseCtx, 'db' | 'now' | 'log'>): Promise<void> {
  if (now.getUTCMinutes() % LOOK_EVERY !== 0) return
  const orphans = await db
    .selectDistinct({ runId: reservations.runId })
    .from(reservations)
    .where(sql`NOT EXISTS (SELECT 1 FROM runs WHERE id = ${reservations.runId} AND status = 'in_progress')`)
    .limit(SWEEP_ROWS)
  for (const { runId } of orphans) {
    await db.batch(release(db, runId))
    log('error', 'reservation_orphaned', { run_id: runId })
  }
}

/** Statement for a user's quota of the month of `now`. */
export const selectQuota = (db: Db, userId: string, now: Date) =>
  db
    .select({
      plan: plans.id,
      runsAtOnce: plans.runsAtOnce,
      messagesPerMonth: plans.messagesPerMonth,
      tokensPerMonth: plans.tokensPerMonth,
      storageBytes: plans.storageBytes,
      storageUsed: sql<number>`coalesce(${storageUse.bytes}, 0)`.as('storage_used'),
      messagesUsed: sql<number>`coalesce(messages_used, 0)`.as('messages_used'),
      messagesHeld: sql<number>`coalesce(messages_held, 0)`.as('messages_held'),
      tokensUsed: sql<number>`coalesce(tokens_used, 0)`.as('tokens_used'),
      tokensHeld: sql<number>`coalesce(tokens_held, 0)`.as('tokens_held'),
    })
    .from(users)
    .innerJoin(plans, eq(plans.id, users.plan))
    .leftJoin(storageUse, eq(storageUse.userId, users.id))
    .leftJoin(
      quotaPeriods,
      and(eq(quotaPeriods.subject, subjectOf(userId)), eq(quotaPeriods.periodStart, periodStart(now))),
    )
    .where(eq(users.id, userId))

type Row = Awaited<ReturnType<typeof selectQuota>>[number]

export const toQuota = (row: Row, now: Date): Quota => ({
  plan: row.plan,
  periodStart: periodStart(now),
  runsAtOnce: row.runsAtOnce,
  messages: { limit: row.messagesPerMonth, used: row.messagesUsed, held: row.messagesHeld },
  tokens: { limit: row.tokensPerMonth, used: row.tokensUsed, held: row.tokensHeld },
  storage: { limit: row.storageBytes, used: row.storageUsed },
})

/** The caller's quota of this month. @throws AppError `unauthorized` when the user is gone */
export async function readQuota({ db, user, now }: Pick<OwnerCtx, 'db' | 'user' | 'now'>): Promise<Quota> {
  const row = await selectQuota(db, user.id, now).get()
  if (!row) throw invalidToken()
  return toQuota(row, now)
}

/**
 * Why a batch with `reserve` was undone, if it was the quota: 402 when the month has not that much left, 429 when it has
 * once the runs that are going on give back what they hold.
 */
export async function quotaRefusal(
  ctx: Pick<OwnerCtx, 'db' | 'user' | 'now' | 'config'>,
  error: unknown,
  need: Need,
  cap?: KeyCap,
): Promise<AppError | undefined> {
  const check = /^quota_(tokens|messages|parallel)$/.exec(constraintOf(error) ?? '')?.[1]
  if (!check) return undefined
  const { APP_URL } = ctx.config
  const quota = await readQuota(ctx)
  if (check === 'parallel') {
    const detail = `Plan ${quota.plan} writes ${quota.runsAtOnce} replies at once`
    return new AppError('too_many_runs', detail, { quota, retryAfterS: IN_FLIGHT_S })
  }
  const needed = { messages: 1, tokens: need.inputTokens + MIN_OUTPUT }
  const short = (['messages', 'tokens'] as const).find((unit) => quota[unit].used + needed[unit] > quota[unit].limit)
  const resets_at = toTimestamp(periodEnd(quota.periodStart))
  const ofKey = cap && (await readKeyUse(ctx, cap))
  const usedOfKey = ofKey?.used ?? 0
  if (!short && cap && usedOfKey + needed.tokens > cap.tokens) {
    const detail = `This API key may use ${cap.tokens} tokens a month, ${usedOfKey} are used`
    const extras = { limit: cap.tokens, used: usedOfKey, resets_at }
    return new AppError('key_limit_reached', detail, { quota, extras })
  }
  if (!short) {
    const detail = 'Replies that are being written hold the rest of the month’s quota: some of it may come back'
    return new AppError('quota_in_flight', detail, { quota, retryAfterS: IN_FLIGHT_S })
  }
  const { limit, used } = quota[short]
  return new AppError('plan_limit_reached', `Plan ${quota.plan} has ${limit} ${short} a month, ${used} are used`, {
    quota,
    extras: {
      plan: quota.plan,
      limit,
      used,
      resets_at,
      upgrade_url: APP_URL ? `${APP_URL}/upgrade` : '/api/v1/user/upgrade',
    },
  })
}
