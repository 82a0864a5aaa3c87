import { and, desc, eq, gt, inArray, isNull, lt, sql } from 'drizzle-orm'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { refreshTokens, sessions, users } from '../../../db/schema/index.ts'
import type { BaseCtx, Ctx, Principal } from '../../../http/context.ts'
import { AppError, invalidToken, notFound } from '../../../http/errors.ts'
import { sha256 } from '../../../lib/digests.ts'
import { rotate } from '../refresh-tokens.ts'
import { endSessions, reportEnded, tokensOf } from '../sessions.ts'

export { endSessions, reportEnded } from '../sessions.ts'

const LIST = 'sessions'

/** A fresh access token and the successor of the refresh token. @throws AppError `unauthorized`, `rate_limit_exceeded` */
export async function refresh(ctx: BaseCtx, refreshToken: string) {
  const rotated = await rotate(ctx, refreshToken)
  const user = await ctx.db.select().from(users).where(eq(users.id, rotated.user.id)).get()
  if (!user) throw invalidToken()
  return { user, ...(await tokensOf(ctx, rotated.user, rotated.refreshToken)) }
}

/**
 * Ends the session that a refresh token belongs to, or the bearer's own. Doing it again changes nothing.
 * @throws AppError `unauthorized` without either
 */
export async function logout(ctx: BaseCtx, given: { refreshToken?: string; bearer?: Principal }) {
  const { db, now } = ctx
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
    .returning({ id: sessions.id, userId: sessions.userId, reason: sessions.revokedReason })
  reportEnded(ctx, ended)
}

/** One page of the caller's sessions that go on, newest first. */
export async function listSessions({ db, user, config, now }: Ctx, page: PageRequest) {
  const after = keyAfter(page, LIST, ['string'])
  const idleSince = new Date(now.getTime() - config.SESSION_IDLE_MS)
  const rows = await db
    .select()
    .from(sessions)
    .where(
      and(
        eq(sessions.userId, user.id),
        // As it is written in the index, which holds no others.
        sql`revoked_at IS NULL`,
        gt(sessions.expiresAt, now),
        gt(sessions.lastUsedAt, idleSince),
        after && lt(sessions.id, after[0]),
      ),
    )
    .orderBy(desc(sessions.id))
    .limit(page.limit + 1)
  const found = pageOf(rows, page, LIST, ({ id }) => [id])
  const items = found.items.map((row) => ({
    ...row,
    idleExpiresAt: new Date(Math.min(row.lastUsedAt.getTime() + config.SESSION_IDLE_MS, row.expiresAt.getTime())),
    current: row.id === user.sessionId,
  }))
  return { ...found, items }
}

/** Ends one of the caller's sessions. @throws AppError `not_found`, also when it has ended already */
export async function endSession(ctx: Ctx, id: string): Promise<void> {
  const { db, user, now } = ctx
  const ended = await endSessions(db, user.id, 'by_owner', now, eq(sessions.id, id))
  if (ended.length === 0) throw notFound()
  reportEnded(ctx, ended)
}
