import { and, eq, isNull, sql } from 'drizzle-orm'
import { audited } from '../../../db/audit.ts'
import { passPreconditions } from '../../../db/client.ts'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { adminIsLive } from '../../../db/live-session.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { users } from '../../../db/schema/index.ts'
import type { Client, Ctx } from '../../../http/context.ts'
import { AppError, invalidToken, notFound } from '../../../http/errors.ts'
import { emailChangedMail } from '../../../mail/templates.ts'
import { type NewAccount, namesTaken, newUserRow, refuseWeak } from '../../auth/service/accounts.ts'
import { proveOwnPassword } from '../../auth/service/password.ts'
import { attemptMail, sendVerification, voidMailTokens } from '../../auth/service/verification.ts'
import type { StoredUser } from '../wire/user.ts'

/** What a user may change of an account. `undefined` stays as it is. */
export type ProfileChanges = { email?: string | null; username?: string | null; displayName?: string }

/** Names in the API of what would differ, for the audit log. */
const changedFields = (before: StoredUser, { email, username, displayName }: ProfileChanges): string[] => [
  ...(email !== undefined && email !== before.email ? ['email'] : []),
  ...(username !== undefined && username !== before.username ? ['username'] : []),
  ...(displayName !== undefined && displayName !== before.displayName ? ['display_name'] : []),
]

/** One's own account, or anybody's for an admin, whose role is read in the very statement. */
const reachable = ({ user, now }: Ctx, id: string) =>
  and(eq(users.id, id), isNull(users.deletedAt), id === user.id ? undefined : adminIsLive(user, now))

/** The signed-in user's own row. @throws AppError `unauthorized` when it is gone */
export async function getMe({ db, user }: Ctx): Promise<StoredUser> {
  const row = await db
    .select()
    .from(users)
    .where(and(eq(users.id, user.id), isNull(users.deletedAt)))
    .get()
  if (!row) throw invalidToken()
  return row
}

/** @throws AppError `not_found`, also when it is somebody else's and the caller is no admin */
export async function getUser(ctx: Ctx, id: string): Promise<StoredUser> {
  const row = await ctx.db.select().from(users).where(reachable(ctx, id)).get()
  if (!row) throw notFound()
  return row
}

/**
 * Makes an account, as an admin. A mail asks to verify the address.
 * @throws AppError `validation_failed` for a weak password, `conflict` for a taken name, `overloaded`,
 *   `idempotency_key_reused`
 */
export async function createUser(ctx: Ctx, given: NewAccount, idempotency: Idempotency | undefined) {
  const { db, user: admin, now } = ctx
  await passPreconditions(db)
  await refuseWeak(ctx, given.password, given, '/password')
  const row = await newUserRow(ctx, given)
  const act = { action: 'user.created', target: { type: 'user', id: row.id } } as const
  const made = once(db, idempotency, row.id, now, [
    // The hash took its time: whoever was demoted meanwhile makes nobody.
    mustHold(db, 'is_admin', adminIsLive(admin, now)),
    audited(ctx, act),
    db.insert(users).values(row),
  ])
  const { id, replayed } = await namesTaken(made)
  const user = await getUser(ctx, id)
  if (!replayed) sendVerification(ctx, user)
  return { user, replayed }
}

/**
 * Changes the names of one's own account, or of anybody's for an admin. A new email must be verified anew, and the old
 * one gets a notice. One's own takes the password: whoever reads the mail can reset it.
 * @throws AppError `not_found`, `conflict` for a taken name, `validation_failed` without the right current password,
 *   `rate_limit_exceeded`, `overloaded`
 */
export async function updateUser(
  ctx: Ctx,
  id: string,
  changes: ProfileChanges,
  proof: { password: string | undefined; client: Client },
): Promise<StoredUser> {
  const { db, user, now } = ctx
  const isOwn = id === user.id
  const before = await (isOwn ? getMe(ctx) : getUser(ctx, id))
  const newEmail = changes.email !== undefined && changes.email !== before.email
  if (newEmail && isOwn) {
    // A mail goes to whoever is named, and a taken address is told: both are limited like any other asking for mail.
    if (changes.email) await attemptMail(ctx, changes.email, proof.client)
    await db.batch(await proveOwnPassword(ctx, before, proof.password, proof.client))
  }
  const fields = changedFields(before, changes)
  const unchanged = sql`EXISTS (SELECT 1 FROM users WHERE id = ${id} AND email IS ${before.email} AND deleted_at IS NULL
    AND (${isOwn ? 1 : 0} OR ${adminIsLive(user, now)}))`
  const act = { action: 'user.updated', target: { type: 'user', id }, fields } as const
  try {
    const [, [after]] = await namesTaken(
      db.batch([
        mustHold(db, 'account_unchanged', unchanged),
        db
          .update(users)
          .set({ ...changes, ...(newEmail && { emailVerifiedAt: null }), updatedAt: now })
          .where(reachable(ctx, id))
          .returning(),
        ...(newEmail ? [voidMailTokens(db, id)] : []),
        ...(isOwn || fields.length === 0 ? [] : [audited(ctx, act)]),
      ]),
    )
    if (newEmail) reportNewEmail(ctx, before, after!)
    return after!
  } catch (error) {
    if (unmetPrecondition(error) !== 'account_unchanged') throw error
    throw new AppError('conflict', 'The account was changed at the same time: look at it and try again')
  }
}

function reportNewEmail(ctx: Ctx, before: StoredUser, after: StoredUser): void {
  sendVerification(ctx, after)
  // Whoever never showed that it is theirs has lost nothing.
  if (!before.email || !before.emailVerifiedAt) return
  ctx.waitUntil(ctx.sendMail({ to: before.email, ...emailChangedMail({ name: after.displayName, at: ctx.now }) }))
}
