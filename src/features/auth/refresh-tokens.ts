import { and, desc, eq, gt, isNull, sql } from 'drizzle-orm'
import { sessionIsLive } from '../../db/live-session.ts'
import { mustHold, unmetPrecondition } from '../../db/preconditions.ts'
import { refreshTokens, sessions } from '../../db/schema/index.ts'
import type { BaseCtx } from '../../http/context.ts'
import { AppError, invalidToken } from '../../http/errors.ts'
import { hmac, sha256 } from '../../lib/digests.ts'
import { endSessions, reportEnded } from './sessions.ts'

/**
 * A parent replayed this soon, while its successor is unused, gets the same successor: its answer may have been lost. Ten seconds after that
 * should have come, which takes up to five.
 */
const GRACE_MS = 15_000
const HOUR_MS = 3_600_000

/**
 * Exchanges a refresh token for its successor. Of parallel calls one makes it, the others get the same within the
 * grace. A spent token after that ends the whole family (RFC 9700 4.14).
 * @throws AppError `unauthorized`, `rate_limit_exceeded` when the session was refreshed too often in an hour
 */
export async function rotate(ctx: BaseCtx, token: string) {
  const { db, config, now, log } = ctx
  const hash = await sha256(token)
  const successor = await successorOf(token, config.JWT_SECRET)
  const successorHash = await sha256(successor)
  const idleEnd = new Date(now.getTime() + config.SESSION_IDLE_MS)
  const ofToken = eq(refreshTokens.hash, hash)
  const ofSession = sql`${refreshTokens.sessionId}`
  const live = sessionIsLive(ofSession, sql`(SELECT user_id FROM sessions WHERE id = ${ofSession})`, now)

  const latest = db
    .select({ createdAt: refreshTokens.createdAt })
    .from(refreshTokens)
    .where(
      and(
        sql`${refreshTokens.sessionId} = (SELECT session_id FROM refresh_tokens WHERE hash = ${hash})`,
        gt(refreshTokens.createdAt, new Date(now.getTime() - HOUR_MS)),
      ),
    )
    .orderBy(desc(refreshTokens.createdAt))
    .limit(config.REFRESH_SESSION_LIMIT)

  const rotation = db.batch([
    mustHold(db, 'refresh_room', sql`(SELECT count(*) FROM (${latest})) < ${config.REFRESH_SESSION_LIMIT}`),
    db
      .update(refreshTokens)
      .set({ usedAt: now, successorHash })
      .where(and(ofToken, isNull(refreshTokens.usedAt), gt(refreshTokens.expiresAt, now), live))
      .returning({ sessionId: refreshTokens.sessionId }),
    db
      .insert(refreshTokens)
      .select(
        db
          .select({
            hash: sql<string>`${successorHash}`.as('hash'),
            sessionId: refreshTokens.sessionId,
            createdAt: sql`${now.getTime()}`.as('created_at'),
            expiresAt: sql`${idleEnd.getTime()}`.as('expires_at'),
            usedAt: sql`NULL`.as('used_at'),
            successorHash: sql`NULL`.as('successor_hash'),
          })
          .from(refreshTokens)
          .where(and(ofToken, eq(refreshTokens.successorHash, successorHash), live)) as never,
      )
      .onConflictDoNothing(),
    db
      .update(sessions)
      .set({ lastUsedAt: now })
      .where(
        sql`${sessions.id} = (SELECT session_id FROM refresh_tokens WHERE hash = ${successorHash})
          AND ${sessionIsLive(sql`${sessions.id}`, sql`${sessions.userId}`, now)}`,
      ),
    db
      .select({
        sessionId: refreshTokens.sessionId,
        usedAt: refreshTokens.usedAt,
        userId: sessions.userId,
        live: sql<number>`${live}`.as('live'),
      })
      .from(refreshTokens)
      .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
      .where(ofToken),
    db
      .select({ hash: refreshTokens.hash, usedAt: refreshTokens.usedAt })
      .from(refreshTokens)
      .where(sql`${refreshTokens.hash} = (SELECT successor_hash FROM refresh_tokens WHERE hash = ${hash})`),
  ])
  const [, spent, , , [found], [next]] = await rotation.catch(async (error) => {
    if (unmetPrecondition(error) !== 'refresh_room') throw error
    const oldest = (await latest).at(-1)?.createdAt ?? now
    const retryAfterS = Math.ceil((oldest.getTime() + HOUR_MS - now.getTime()) / 1_000)
    throw new AppError('rate_limit_exceeded', 'This session was refreshed too often', { retryAfterS })
  })

  if (!found) throw invalidToken()
  const user = { id: found.userId, sessionId: found.sessionId }
  if (spent.length > 0) return { user, refreshToken: successor }
  if (!found.live || !found.usedAt) throw invalidToken()
  if (now.getTime() - found.usedAt.getTime() <= GRACE_MS && next && !next.usedAt) {
    // A rotation of the secret in between must not look like theft.
    for (const secret of [config.JWT_SECRET, config.JWT_SECRET_PREVIOUS]) {
      const given = secret && (await successorOf(token, secret))
      if (given && (await sha256(given)) === next.hash) return { user, refreshToken: given }
    }
  }
  reportEnded(ctx, await endSessions(db, user.id, 'token_reuse', now, eq(sessions.id, user.sessionId)))
  log('warn', 'token_reuse', { user_id: user.id, session_id: user.sessionId })
  throw invalidToken()
}

/** Made of its parent, so that it can be given again though only hashes are stored. */
const successorOf = (token: string, secret: string) => hmac(`refresh:${secret}`, token)
