import { constraintOf } from '../../../db/failures.ts'
import { users } from '../../../db/schema/index.ts'
import type { BaseCtx, Client } from '../../../http/context.ts'
import { AppError, invalid } from '../../../http/errors.ts'
import { attempt, LIMITS } from '../attempts.ts'
import { checkPassword } from '../password-policy.ts'
import { hashPassword } from '../passwords.ts'
import { newSession, tokensOf } from '../sessions.ts'
import { sendVerification } from './verification.ts'

/** Names are normalised by whoever read them from a request. */
export type NewAccount = { email?: string; username?: string; password: string; display_name?: string }

/**
 * Makes a user and signs them in. A mail asks to verify the address.
 * @throws AppError `validation_failed` for a weak password, `conflict` for a taken email or username,
 *   `rate_limit_exceeded`, `overloaded`
 */
export async function register(ctx: BaseCtx, given: NewAccount, client: Client) {
  const { db, config, now } = ctx
  await refuseWeak(ctx, given.password, given, '/password')
  await attempt(ctx, [await LIMITS.registerFromAddress(config, client.ipHash)])
  const row = await newUserRow(ctx, given)
  const session = await newSession(ctx, row.id, client)
  const [[user]] = await namesTaken(db.batch([db.insert(users).values(row).returning(), ...session.statements]))
  sendVerification({ ...ctx, now }, user!)
  return { user: user!, ...(await tokensOf(ctx, session.user, session.refreshToken)) }
}

/** The row of a new account. @throws AppError `overloaded` */
export async function newUserRow(ctx: BaseCtx, given: NewAccount): Promise<typeof users.$inferInsert> {
  const { config, now, newId } = ctx
  return {
    id: newId(),
    email: given.email ?? null,
    username: given.username ?? null,
    displayName: given.display_name ?? given.username ?? given.email!.split('@')[0]!.slice(0, 80),
    passwordHash: await hashPassword(given.password, config.PASSWORD_COST),
    createdAt: now,
    updatedAt: now,
  }
}

type Names = { email?: string | null; username?: string | null }

/** @throws AppError `validation_failed` at `pointer`, with the reason */
export async function refuseWeak(
  { config }: Pick<BaseCtx, 'config'>,
  password: string,
  owner: Names,
  pointer: string,
): Promise<void> {
  const { isCommonPassword } = await import('../password-blocklist.ts')
  const weakness = checkPassword(password, owner, config.PASSWORD_POLICY, isCommonPassword)
  if (weakness) throw invalid([{ pointer, detail: weakness }])
}

/** What a write of names ends in. @throws AppError `conflict` when somebody else has the name */
export async function namesTaken<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    const taken = constraintOf(error)
    if (taken === 'users.email') throw new AppError('conflict', 'This email address is taken')
    if (taken === 'users.username') throw new AppError('conflict', 'This username is taken')
    if (taken === 'users_identifier') throw new AppError('conflict', 'An account needs an email or a username')
    throw error
  }
}
