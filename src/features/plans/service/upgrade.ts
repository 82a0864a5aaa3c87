import { eq, sql } from 'drizzle-orm'
import { audited } from '../../../db/audit.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { users } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, invalid } from '../../../http/errors.ts'
import { planExists } from './plans.ts'

/** Statement for a batch that sets a plan, if it does: undoes it unless there is such a plan. */
export const mustBePlan = (db: Ctx['db'], plan: string | undefined) =>
  mustHold(db, 'plan_there', plan === undefined ? sql`true` : planExists(plan))

/** @throws AppError `validation_failed` at `/plan`, if that is why the batch was undone */
export function refuseUnknownPlan(error: unknown): void {
  if (unmetPrecondition(error) !== 'plan_there') return
  throw invalid([{ pointer: '/plan', detail: 'There is no such plan: GET /api/v1/plans shows which there are' }])
}

/**
 * Changes the caller's plan at once, where UPGRADE_POLICY lets everybody. What was used of the month stays used.
 * @throws AppError `validation_failed` for an unknown plan, `forbidden` where an admin sets the plan
 */
export async function upgrade(ctx: Ctx, plan: string) {
  const { db, user, now, config } = ctx
  const act = { action: 'user.plan_changed', target: { type: 'user', id: user.id }, fields: ['plan'] } as const
  if (config.UPGRADE_POLICY === 'admin') {
    await audited(ctx, { ...act, outcome: 'refused' })
    throw new AppError('forbidden', 'An administrator sets the plan of an account here')
  }
  const changes = sql`EXISTS (SELECT 1 FROM users WHERE id = ${user.id} AND plan <> ${plan})`
  try {
    const [, , [changed]] = await db.batch([
      mustBePlan(db, plan),
      audited(ctx, { ...act, when: changes }),
      db.update(users).set({ plan, updatedAt: now }).where(eq(users.id, user.id)).returning(),
    ])
    return changed!
  } catch (error) {
    refuseUnknownPlan(error)
    throw error
  }
}
