import { eq } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import { isTransient } from '../../db/failures.ts'
import { runs } from '../../db/schema/index.ts'
import type { OwnerCtx } from '../../http/context.ts'
import type { Reserved } from '../../lib/run-events.ts'
import { type Quota, selectQuota, toQuota } from '../plans/service/quota.ts'

type Statements = readonly [BatchItem<'sqlite'>, ...BatchItem<'sqlite'>[]]
type Stored = [{ reserved: Reserved | null }[], Parameters<typeof toQuota>[0][]]

/**
 * Sends the batch that writes a run, once more when D1 failed in passing. Gives what was reserved for it, and the quota after
 * it. @throws whatever undid the batch
 */
export async function commitRun(
  { db, user, now }: Pick<OwnerCtx, 'db' | 'user' | 'now'>,
  runId: string,
  statements: Statements,
): Promise<{ reserved: Reserved; quota: Quota }> {
  const outcome = [
    db.select({ reserved: runs.reserved }).from(runs).where(eq(runs.id, runId)),
    selectQuota(db, user.id, now),
  ] as const
  const batch = async () => {
    const results: readonly unknown[] = await db.batch([...statements, ...outcome])
    return results.slice(-outcome.length) as Stored
  }
  const [[stored], [row]] = await batch().catch((error) => {
    if (!isTransient(error)) throw error
    // It may have been committed, with the answer lost: then a second time fails, and the run is there.
    return batch().catch(async (again) => {
      const found = await db.batch(outcome)
      if (found[0].length === 0) throw again
      return found as Stored
    })
  })
  return { reserved: stored!.reserved!, quota: toQuota(row!, now) }
}
