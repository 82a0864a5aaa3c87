import { and, eq, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { constraintOf, isTransient } from '../../db/failures.ts'
import { mustHold, unmetPrecondition } from '../../db/preconditions.ts'
import { reservations } from '../../db/schema/index.ts'
import { type Need, reserve } from '../plans/service/quota.ts'
import type { RunRef } from './job.ts'

/** Tokens of output that there is room for; or why the run gets no further call. */
export type FurtherCall = { outputTokens: number } | 'no_room' | 'ended'

/**
 * Reserves what a further call of a run needs, in the month in which the run was admitted: it is settled with the rest,
 * and not made any more once the run has ended in D1. @throws when D1 fails
 */
export async function reserveCall(db: Db, run: RunRef, need: Omit<Need, 'runId'>): Promise<FurtherCall> {
  const isInProgress = sql`EXISTS (SELECT 1 FROM runs WHERE id = ${run.id} AND status = 'in_progress')`
  const reserved = db
    .select({ outputTokens: reservations.outputTokens })
    .from(reservations)
    .where(and(eq(reservations.runId, run.id), eq(reservations.call, need.call)))
  const write = async () => {
    const results: readonly unknown[] = await db.batch([
      mustHold(db, 'run_in_progress', isInProgress),
      ...reserve(db, run.userId, { runId: run.id, ...need }, new Date(run.createdAt), run.keyCap),
      reserved,
    ])
    return results.at(-1) as Awaited<typeof reserved>
  }
  try {
    const [row] = await write().catch((error) => {
      if (!isTransient(error)) throw error
      // It may have been committed, with the answer lost: then a second time fails, and the row is there.
      return write().catch(async (again) => {
        const found = await reserved
        if (found.length === 0) throw again
        return found
      })
    })
    return row!
  } catch (error) {
    if (constraintOf(error)?.startsWith('quota_')) return 'no_room'
    if (unmetPrecondition(error) === 'run_in_progress') return 'ended'
    throw error
  }
}
