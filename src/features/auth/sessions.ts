import { and, eq, isNull, type SQL } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { type RevokedReason, refreshTokens, sessions } from '../../db/schema/index.ts'
import type { BaseCtx, Client, Principal } from '../../http/context.ts'
import { sha256 } from '../../lib/digests.ts'
import { newSecret } from '../../lib/ids.ts'
import { closeSockets } from '../sockets/service/close.ts'
import { ACCESS_TOKEN_TTL, signAccessToken } from './access-tokens.ts'
import { forgetSession } from './session-check.ts'

/** A session to be opened: the statements that do so, and the tokens that its user gets. */
export async function newSession({ db, config, now, newId }: BaseCtx, userId: string, client: Client) {
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

/** What a client is given to act with: a fresh access token beside its refresh token. */
export async function tokensOf({ config, now }: BaseCtx, user: Principal, refreshToken: string) {
  return { accessToken: await signAccessToken(user, config, now), refreshToken, expiresIn: ACCESS_TOKEN_TTL }
}

/** Statement that ends those sessions of a user that `which` names, all of them without it. Gives what it ended. */
export const endSessions = (db: Db, userId: string, reason: RevokedReason, now: Date, which?: SQL) =>
  db
    .update(sessions)
    .set({ revokedAt: now, revokedReason: reason })
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), which))
    .returning({ id: sessions.id, userId: sessions.userId, reason: sessions.revokedReason })

type Ended = { id: string; userId: string; reason: string | null }

/** Makes ended sessions hold at once in this isolate, ends their sockets soon, and logs them. */
export function reportEnded(ctx: Pick<BaseCtx, 'gateways' | 'config' | 'log' | 'waitUntil'>, ended: Ended[]): void {
  for (const { id, userId, reason } of ended) {
    forgetSession(id)
    ctx.log('info', 'session_revoked', { user_id: userId, session_id: id, reason })
  }
  for (const [userId, sessions] of Map.groupBy(ended, ({ userId }) => userId)) {
    const isDisabled = sessions.some(({ reason }) => reason === 'disabled' || reason === 'deleted')
    const ids = sessions.map(({ id }) => id)
    ctx.waitUntil(closeSockets(ctx, userId, ids, isDisabled))
  }
}
