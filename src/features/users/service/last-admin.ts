import { sql } from 'drizzle-orm'
import { type Act, audited } from '../../../db/audit.ts'
import type { Db } from '../../../db/client.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'

const LABEL = 'not_last_admin'

/** Statement that comes before one which, if `takesAdmin`, makes the user no active admin: undoes it if there is no other. */
export const mustLeaveAnAdmin = (db: Db, id: string, takesAdmin = true) =>
  mustHold(
    db,
    LABEL,
    sql`(${takesAdmin ? 0 : 1}
      OR NOT EXISTS (SELECT 1 FROM users WHERE id = ${id} AND role = 'admin' AND disabled_at IS NULL)
      OR EXISTS (SELECT 1 FROM users WHERE id <> ${id} AND role = 'admin' AND disabled_at IS NULL))`,
  )

/**
 * Records what was refused, if that is why the batch was undone.
 * @throws AppError `last_admin`
 */
export async function refuseLastAdmin(ctx: Ctx, error: unknown, act: Act): Promise<void> {
  if (unmetPrecondition(error) !== LABEL) return
  await audited(ctx, { ...act, outcome: 'refused' })
  ctx.log('warn', 'last_admin_refused', { user_id: ctx.user.id, target_id: act.target.id })
  throw new AppError('last_admin', 'This is the last active administrator: make somebody else one first')
}
