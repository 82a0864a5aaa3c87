import { eq, type SQL, sql } from 'drizzle-orm'
import { audited, userExists } from '../../../db/audit.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { users } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import { endSessions, reportEnded } from '../../auth/service/sessions.ts'
import { mustBePlan, refuseUnknownPlan } from '../../plans/service/upgrade.ts'
import { mustLeaveAnAdmin, refuseLastAdmin } from '../../users/service/last-admin.ts'

type User = typeof users.$inferSelect
/** What only admins may change of an account. `undefined` stays as it is. */
type AccountChanges = { role?: User['role']; plan?: string; isActive?: boolean }

/**
 * Changes role, plan or state of an account. Who is disabled is signed out everywhere; who is enabled can sign in by
 * password again, also after too many wrong ones. What is so already is not
 * recorded again.
 * @throws AppError `not_found`, `last_admin`, `validation_failed` for an unknown plan
 */
export async function changeAccount(ctx: Ctx, id: string, { role, plan, isActive }: AccountChanges): Promise<User> {
  const { db, user, now, log, config } = ctx
  /** After too many wrong passwords in a row. */
  const isClosed = sql`failed_sign_ins > ${config.SIGN_IN_STREAK_LIMIT}`
  const target = { type: 'user', id } as const
  const changesIt = (what: SQL) => sql`EXISTS (SELECT 1 FROM users WHERE id = ${id} AND ${what})`
  // Nothing differs from null, so that what is not given is not recorded.
  const active = isActive === undefined ? null : Number(isActive)
  const roleAct = { action: 'user.role_changed', target, fields: ['role'] } as const
  const planAct = { action: 'user.plan_changed', target, fields: ['plan'] } as const
  const stateAct = { action: isActive ? 'user.enabled' : 'user.disabled', target, fields: ['is_active'] } as const
  try {
    const [, , , , , , [changed], ended] = await db.batch([
      mustBePlan(db, plan),
      mustHold(db, 'user_there', userExists(id)),
      mustLeaveAnAdmin(db, id, role === 'user' || isActive === false),
      audited(ctx, { ...roleAct, when: changesIt(sql`role <> ${role ?? null}`) }),
      audited(ctx, { ...planAct, when: changesIt(sql`plan <> ${plan ?? null}`) }),
      audited(ctx, {
        ...stateAct,
        when: changesIt(sql`((disabled_at IS NULL) <> ${active} OR (${active} = 1 AND ${isClosed}))`),
      }),
      db
        .update(users)
        .set({ role, plan, ...(isActive !== undefined && stateOf(isActive, now)), updatedAt: now })
        .where(eq(users.id, id))
        .returning(),
      endSessions(db, id, 'disabled', now, sql`${active} = 0`),
    ])
    reportEnded(ctx, ended)
    if (role) log('warn', 'role_changed', { user_id: user.id, target_id: id, role })
    return changed!
  } catch (error) {
    if (unmetPrecondition(error) === 'user_there') throw notFound()
    refuseUnknownPlan(error)
    await refuseLastAdmin(ctx, error, role === 'user' ? roleAct : stateAct)
    throw error
  }
}

/** Since when it is disabled; once it is, that stays. Who is enabled may try passwords again. */
const stateOf = (isActive: boolean, now: Date) =>
  isActive ? { disabledAt: null, failedSignIns: 0 } : { disabledAt: sql`coalesce(disabled_at, ${now.getTime()})` }
