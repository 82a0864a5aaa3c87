import { eq, exists, ne, sql } from 'drizzle-orm'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { mailTokens, sessions, users } from '../../../db/schema/index.ts'
import type { BaseCtx, Client, Ctx } from '../../../http/context.ts'
import { AppError, invalid, invalidToken } from '../../../http/errors.ts'
import { sha256 } from '../../../lib/digests.ts'
import { passwordChangedMail, resetMail } from '../../../mail/templates.ts'
import { attempt, forget, giveBack, LIMITS } from '../attempts.ts'
import { isToken, newMailToken, voidMailTokens } from '../mail-tokens.ts'
import { hashPassword } from '../passwords.ts'
import { endSessions, reportEnded } from '../sessions.ts'
import { refuseWeak } from './accounts.ts'
import { isStillAccount, provePassword } from './sign-in.ts'
import { afterAnswer, attemptMail } from './verification.ts'

type User = typeof users.$inferSelect

/**
 * Sets a new password and ends all other sessions. The owner gets a notice.
 * @throws AppError `validation_failed` for a wrong current or a weak new password, `rate_limit_exceeded`, `overloaded`
 */
export async function changePassword(
  ctx: Ctx,
  given: { current: string; next: string },
  client: Client,
): Promise<void> {
  const { db, user, config, now } = ctx
  const own = await db.select().from(users).where(eq(users.id, user.id)).get()
  if (!own) throw invalidToken()
  await refuseWeak(ctx, given.next, own, '/new_password')
  const statements = await proveOwnPassword(ctx, own, given.current, client)
  const passwordHash = await hashPassword(given.next, config.PASSWORD_COST)
  try {
    const [, ended] = await db.batch([
      isStillAccount(ctx, own),
      endSessions(db, own.id, 'password_changed', now, ne(sessions.id, user.sessionId)),
      db.update(users).set({ passwordHash, updatedAt: now }).where(eq(users.id, own.id)),
      voidMailTokens(db, own.id, 'reset'),
      ...statements,
    ])
    reportEnded(ctx, ended)
    reportChange(ctx, own)
  } catch (error) {
    if (unmetPrecondition(error) === 'same_account') throw wrongPassword('This is not the current password')
    throw error
  }
}

/**
 * That the caller knows the password of their own account; gives the statements that forget the attempts.
 * @throws AppError `validation_failed` at `/current_password`, `rate_limit_exceeded`, `overloaded`
 */
export async function proveOwnPassword(ctx: Ctx, own: User, password: string | undefined, client: Client) {
  if (password === undefined) throw wrongPassword('The current password is needed for this')
  const names = [own.email, own.username].filter((name) => name !== null)
  const proof = await provePassword(ctx, names, eq(users.id, own.id), password, client)
  if (!proof) throw wrongPassword('This is not the current password')
  return proof.statements
}

/** Mails a code that resets the password, if there is such an account; nobody is told. @throws AppError `rate_limit_exceeded` */
export async function forgotPassword(ctx: BaseCtx, email: string, client: Client): Promise<void> {
  await attemptMail(ctx, email, client)
  afterAnswer(ctx, async () => {
    const user = await ctx.db.select().from(users).where(eq(users.email, email)).get()
    if (!user || user.disabledAt) return
    const { token, statement } = await newMailToken(ctx, 'reset', { id: user.id, email })
    await statement
    ctx.log('info', 'reset_requested', { user_id: user.id })
    await ctx.sendMail({ to: email, ...resetMail({ token, appUrl: ctx.config.APP_URL }) })
  })
}

/**
 * Sets a new password by a code from a mail and ends all sessions. Whoever has the code reads the mail: the address
 * counts as verified.
 * @throws AppError `invalid_token`, `validation_failed` for a weak password (the code stays good), `rate_limit_exceeded`,
 *   `overloaded`
 */
export async function resetPassword(
  ctx: BaseCtx,
  given: { token: string; next: string },
  client: Client,
): Promise<void> {
  const { db, config, now } = ctx
  const limit = await LIMITS.tokenFromAddress(config, client.ipHash)
  const isMine = isToken('reset', await sha256(given.token), now)
  const owner = db.select({ id: mailTokens.userId }).from(mailTokens).where(isMine)
  const [[user]] = await attempt(ctx, [limit], db.select().from(users).where(sql`${users.id} = (${owner})`))
  if (!user) throw new AppError('invalid_token')
  await giveBack(db, [limit])
  await refuseWeak(ctx, given.next, user, '/new_password')
  const passwordHash = await hashPassword(given.next, config.PASSWORD_COST)
  const names = [user.email, user.username].filter((name) => name !== null)
  const limits = await Promise.all(names.map((name) => LIMITS.signInOfAccount(config, name)))
  try {
    const [, , , ended] = await db.batch([
      mustHold(db, 'token_unspent', exists(owner)),
      db.delete(mailTokens).where(isMine),
      db
        .update(users)
        .set({
          passwordHash,
          failedSignIns: 0,
          emailVerifiedAt: sql`coalesce(email_verified_at, ${now.getTime()})`,
          updatedAt: now,
        })
        .where(eq(users.id, user.id)),
      endSessions(db, user.id, 'password_reset', now),
      forget(db, limits),
    ])
    reportEnded(ctx, ended)
    reportChange(ctx, user)
  } catch (error) {
    if (unmetPrecondition(error) === 'token_unspent') throw new AppError('invalid_token')
    throw error
  }
}

const wrongPassword = (detail: string) => invalid([{ pointer: '/current_password', detail }])

function reportChange(ctx: BaseCtx, { id, email, displayName }: User): void {
  ctx.log('info', 'password_changed', { user_id: id })
  if (!email) return
  ctx.waitUntil(ctx.sendMail({ to: email, ...passwordChangedMail({ name: displayName, at: ctx.now }) }))
}
