import { and, eq, inArray, isNull } from 'drizzle-orm'
import { constraintOf } from '../../db/failures.ts'
import { refreshTokens, sessions, users } from '../../db/schema/index.ts'
import type { BaseCtx, Ctx, Principal } from '../../http/context.ts'
import { AppError, invalid, invalidToken } from '../../http/errors.ts'
import { sha256 } from '../../lib/digests.ts'
import { newSecret } from '../../lib/ids.ts'
import { ACCESS_TOKEN_TTL, signAccessToken } from './access-tokens.ts'
import { checkPassword } from './password-policy.ts'
import { hashPassword, isOutdated, verifyPassword } from './passwords.ts'
import { rotate } from './refresh-tokens.ts'
import type { Credentials, Registration } from './schemas.ts'
import { forgetSession } from './session-check.ts'

/** What a session remembers of the client that opened it. */
export type Client = { device: string | null; ipHash: string | null }

/**
 * Makes a user and signs them in.
 * @throws AppError `validation_failed` for a weak password, `conflict` for a taken email or username
 */
export async function register(ctx: BaseCtx, { password, ...given }: Registration, client: Client) {
  const { db, config, now, newId } = ctx
  const weakness = checkPassword(password, given, config.PASSWORD_POLICY)
  if (weakness) throw invalid([{ pointer: '/password', detail: weakness }])
  const row: typeof users.$inferInsert = {
    id: newId(),
    email: given.email ?? null,
    username: given.username ?? null,
    displayName: given.display_name ?? given.username ?? given.email!.split('@')[0]!.slice(0, 80),
    passwordHash: await hashPassword(password, config.PASSWORD_COST),
    createdAt: now,
    updatedAt: now,
  }
  const session = await newSession(ctx, row.id, client)
  try {
    const [[user]] = await db.batch([db.insert(users).values(row).returning(), ...session.statements])
    return { user: user!, ...(await tokens(ctx, session.user, session.refreshToken)) }
  } catch (error) {
    const taken = constraintOf(error)
    if (taken === 'users.email') throw new AppError('conflict', 'This email address is taken')
    if (taken === 'users.username') throw new AppError('conflict', 'This username is taken')
    throw error
  }
}

/**
 * Opens a session for the right name and password. Unknown, wrong and disabled look and take the same.
 * @throws AppError `invalid_credentials`, `overloaded`
 */
export async function login(ctx: BaseCtx, { email, username, password }: Credentials, client: Client) {
  const { db, config, log } = ctx
  const byName = [email && eq(users.email, email), username && eq(users.username, username)].filter((name) => !!name)
  const user = await db
    .select()
    .from(users)
    .where(and(...byName))
    .get()
  const right = await verifyPassword(password, user?.passwordHash, config.PASSWORD_COST)
  if (!user || !right || user.disabledAt) {
    log('warn', 'login_failed', { user_id: user?.id, ip_hash: client.ipHash })
    throw new AppError('invalid_credentials')
  }
  const session = await newSession(ctx, user.id, client)
  await db.batch([...session.statements, ...(await rehash(ctx, user, password))])
  return { user, ...(await tokens(ctx, session.user, session.refreshToken)) }
}

/** A fresh access token and the successor of the refresh token. @throws AppError `unauthorized` */
export async function refresh(ctx: BaseCtx, refreshToken: string) {
  const rotated = await rotate(ctx, refreshToken)
  const user = await ctx.db.select().from(users).where(eq(users.id, rotated.user.id)).get()
  if (!user) throw invalidToken()
  return { user, ...(await tokens(ctx, rotated.user, rotated.refreshToken)) }
}

/**
 * Ends the session that a refresh token belongs to, or the bearer's own. Doing it again changes nothing.
 * @throws AppError `unauthorized` without either
 */
export async function logout({ db, now, log }: BaseCtx, given: { refreshToken?: string; bearer?: Principal }) {
  if (!given.refreshToken && !given.bearer) throw new AppError('unauthorized')
  const named = given.refreshToken
    ? db
        .select({ id: refreshTokens.sessionId })
        .from(refreshTokens)
        .where(eq(refreshTokens.hash, await sha256(given.refreshToken)))
    : [given.bearer!.sessionId]
  const own = given.refreshToken ? undefined : eq(sessions.userId, given.bearer!.id)
  const ended = await db
    .update(sessions)
    .set({ revokedAt: now, revokedReason: 'logout' })
    .where(and(inArray(sessions.id, named), own, isNull(sessions.revokedAt)))
    .returning({ id: sessions.id, userId: sessions.userId })
  for (const { id, userId } of ended) {
    forgetSession(id)
    log('info', 'session_revoked', { user_id: userId, session_id: id, reason: 'logout' })
  }
}

/** The signed-in user's own row. */
export async function getMe({ db, user }: Ctx) {
  const row = await db.select().from(users).where(eq(users.id, user.id)).get()
  if (!row) throw invalidToken()
  return row
}

/** The statement that stores the password with today's cost, if it was hashed with another, and there is time for it. */
async function rehash({ db, config, now }: BaseCtx, user: typeof users.$inferSelect, password: string) {
  if (!isOutdated(user.passwordHash, config.PASSWORD_COST)) return []
  const passwordHash = await hashPassword(password, config.PASSWORD_COST).catch(() => undefined)
  if (!passwordHash) return []
  const isUnchanged = and(eq(users.id, user.id), eq(users.passwordHash, user.passwordHash))
  return [db.update(users).set({ passwordHash, updatedAt: now }).where(isUnchanged)]
}

async function newSession({ db, config, now, newId }: BaseCtx, userId: string, client: Client) {
  const refreshToken = newSecret()
  const user: Principal = { id: userId, sessionId: newId() }
  const statements = [
    db.insert(sessions).values({
      id: user.sessionId,
      userId,
      ...client,
      createdAt: now,
      lastUsedAt: now,
      expiresAt: new Date(now.getTime() + config.SESSION_MAX_MS),
    }),
    db.insert(refreshTokens).values({
      hash: await sha256(refreshToken),
      sessionId: user.sessionId,
      createdAt: now,
      expiresAt: new Date(now.getTime() + config.SESSION_IDLE_MS),
    }),
  ] as const
  return { user, refreshToken, statements }
}

async function tokens({ config, now }: BaseCtx, user: Principal, refreshToken: string) {
  return { accessToken: await signAccessToken(user, config, now), refreshToken, expiresIn: ACCESS_TOKEN_TTL }
}
