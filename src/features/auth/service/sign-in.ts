import { and, eq, type SQL, sql } from 'drizzle-orm'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { users } from '../../../db/schema/index.ts'
import type { BaseCtx, Client } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { signInClosedMail } from '../../../mail/templates.ts'
import { attempt, forget, giveBack, LIMITS } from '../attempts.ts'
import { hashPassword, isOutdated, verifyPassword } from '../passwords.ts'
import { newSession, tokensOf } from '../sessions.ts'

type User = typeof users.$inferSelect
type Credentials = { email?: string; username?: string; password: string }

/**
 * Opens a session for the right name and password. Unknown, wrong, disabled and closed look and take the same.
 * @throws AppError `invalid_credentials`, `rate_limit_exceeded`, `overloaded`
 */
export async function login(ctx: BaseCtx, { email, username, password }: Credentials, client: Client) {
  const { db } = ctx
  const names = [email, username].filter((name) => name !== undefined)
  const byName = and(email ? eq(users.email, email) : undefined, username ? eq(users.username, username) : undefined)!
  const proof = await provePassword(ctx, names, byName, password, client)
  if (!proof) throw new AppError('invalid_credentials')
  const { user } = proof
  const session = await newSession(ctx, user.id, client)
  try {
    await db.batch([
      isStillAccount(ctx, user),
      ...session.statements,
      ...proof.statements,
      ...(await rehash(ctx, user, password)),
    ])
  } catch (error) {
    if (unmetPrecondition(error) === 'same_account') throw new AppError('invalid_credentials')
    throw error
  }
  return { user, ...(await tokensOf(ctx, session.user, session.refreshToken)) }
}

/**
 * Counts an attempt, then compares the password. Gives the user, with the statements that forget the attempts, or
 * `undefined` for a wrong password and for an account that is disabled, unknown, or closed after too many failures.
 * @throws AppError `rate_limit_exceeded`, `overloaded`
 */
export async function provePassword(ctx: BaseCtx, names: string[], who: SQL, password: string, client: Client) {
  const { db, config, log } = ctx
  const ofAccount = await Promise.all(names.map((name) => LIMITS.signInOfAccount(config, name)))
  const ofAddress = await LIMITS.signInFromAddress(config, client.ipHash)
  const limits = [...ofAccount, ofAddress]
  const [, [user]] = await attempt(
    ctx,
    limits,
    db
      .update(users)
      .set({ failedSignIns: sql`${users.failedSignIns} + 1` })
      .where(who),
    db.select().from(users).where(who),
  )
  const isRight = await verifyPassword(password, user?.passwordHash, config.PASSWORD_COST).catch(async (error) => {
    // Nothing was compared: it must not count.
    await db.batch([
      giveBack(db, limits),
      db.update(users).set({ failedSignIns: sql`max(failed_sign_ins - 1, 0)` }).where(who),
    ])
    throw error
  })
  const isClosed = user && user.failedSignIns > config.SIGN_IN_STREAK_LIMIT
  if (!user || !isRight || user.disabledAt || isClosed) {
    log('warn', 'login_failed', { user_id: user?.id, ip_hash: client.ipHash })
    if (user?.email && user.failedSignIns === config.SIGN_IN_STREAK_LIMIT) {
      ctx.waitUntil(ctx.sendMail({ to: user.email, ...signInClosedMail({ name: user.displayName }) }))
    }
    return undefined
  }
  // By either name: they are one account's.
  const all = [user.email, user.username].filter((name) => name !== null)
  const statements = [
    forget(db, await Promise.all(all.map((name) => LIMITS.signInOfAccount(config, name)))),
    giveBack(db, [ofAddress]),
    db.update(users).set({ failedSignIns: 0 }).where(eq(users.id, user.id)),
  ] as const
  return { user, statements }
}

/** Statement for a batch: while the password was compared, nobody changed it or closed the account. */
export const isStillAccount = ({ db }: BaseCtx, { id, passwordHash }: User) =>
  mustHold(
    db,
    'same_account',
    sql`EXISTS (SELECT 1 FROM users WHERE id = ${id} AND password_hash = ${passwordHash} AND disabled_at IS NULL)`,
  )

/** The statement that stores the password with today's cost, if it was hashed with another, and there is time for it. */
async function rehash({ db, config, now }: BaseCtx, user: User, password: string) {
  if (!isOutdated(user.passwordHash, config.PASSWORD_COST)) return []
  const passwordHash = await hashPassword(password, config.PASSWORD_COST).catch(() => undefined)
  return passwordHash ? [db.update(users).set({ passwordHash, updatedAt: now }).where(eq(users.id, user.id))] : []
}
