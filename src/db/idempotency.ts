import { and, eq, sql } from 'drizzle-orm'
import type { BatchItem, BatchResponse } from 'drizzle-orm/batch'
import type { Config } from '../env.ts'
import { AppError } from '../http/errors.ts'
import type { Db } from './client.ts'
import { constraintOf } from './failures.ts'
import { idempotencyKeys } from './schema/index.ts'
import { SWEEP_ROWS, sweep } from './sweep.ts'

/** An `Idempotency-Key` and what the request was that brought it. */
export type Idempotency = { scope: string; route: string; key: string; fingerprint: string }

/** First statement of the effect's batch: a second use breaks the primary key and undoes all of it. */
export const claimKey = (db: Db, idempotency: Idempotency, resultId: string, now: Date) =>
  db.insert(idempotencyKeys).values({ ...idempotency, resultId, createdAt: now })

export const isKeyTaken = (error: unknown) => constraintOf(error)?.startsWith('idempotency_keys.') ?? false

/** Statement for the record of an earlier use of this key, whatever its body was. */
export const selectClaim = (db: Db, { scope, route, key }: Idempotency) =>
  db
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.route, route), eq(idempotencyKeys.key, key)))

/**
 * What the key made the first time.
 * @throws AppError `idempotency_key_reused` when that was for another body
 */
export function resultOf(claim: typeof idempotencyKeys.$inferSelect, { fingerprint }: Idempotency): string {
  if (claim.fingerprint !== fingerprint) throw new AppError('idempotency_key_reused')
  return claim.resultId
}

type Statements = readonly [BatchItem<'sqlite'>, ...BatchItem<'sqlite'>[]]

/**
 * Runs `statements`, which make the thing `id`, once per key. Gives the id of what was made, now or the first time; what
 * the statements gave only when they ran.
 * @throws AppError `idempotency_key_reused`
 */
export async function once<const S extends Statements>(
  db: Db,
  idempotency: Idempotency | undefined,
  id: string,
  now: Date,
  statements: S,
): Promise<{ id: string; replayed: boolean; results?: BatchResponse<S> }> {
  if (!idempotency) return { id, replayed: false, results: await db.batch(statements) }
  try {
    const [, ...results] = await db.batch([claimKey(db, idempotency, id, now), ...statements] as const)
    return { id, replayed: false, results: results as unknown as BatchResponse<S> }
  } catch (error) {
    if (!isKeyTaken(error)) throw error
    const [claim] = await selectClaim(db, idempotency)
    if (!claim) throw error
    return { id: resultOf(claim, idempotency), replayed: true }
  }
}

/** A chore: forgets keys that are older than their time to live. */
export async function forgetOldKeys({ db, config, now }: { db: Db; config: Config; now: Date }): Promise<void> {
  const before = now.getTime() - config.IDEMPOTENCY_TTL_MS
  const old = sql`rowid IN (SELECT rowid FROM idempotency_keys WHERE created_at < ${before} LIMIT ${SWEEP_ROWS})`
  await sweep(async () => (await db.delete(idempotencyKeys).where(old).returning({ key: idempotencyKeys.key })).length)
}
