import { inArray, lt, sql } from 'drizzle-orm'
import { attempts, mailTokens, refreshTokens, sessions } from '../../db/schema/index.ts'
import { SWEEP_ROWS, sweep } from '../../db/sweep.ts'
import type { BaseCtx } from '../../http/context.ts'

/**
 * A chore: removes sessions that nobody used for as long as one may be idle, with their refresh tokens. Until then also
 * ended ones stay, so that a spent token which comes back is recognised.
 */
export async function removeOldSessions({ db, config, now }: BaseCtx): Promise<void> {
  const idleSince = new Date(now.getTime() - config.SESSION_IDLE_MS)
  const old = db.select({ id: sessions.id }).from(sessions).where(lt(sessions.lastUsedAt, idleSince)).limit(SWEEP_ROWS)
  const ofOld = sql`hash IN (SELECT hash FROM refresh_tokens WHERE session_id IN (${old}) LIMIT ${SWEEP_ROWS})`
  await sweep(async () => (await db.delete(refreshTokens).where(ofOld).returning({ hash: refreshTokens.hash })).length)
  const isEmpty = sql`NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE session_id = sessions.id)`
  await sweep(async () => {
    const removed = await db
      .delete(sessions)
      .where(sql`${inArray(sessions.id, old)} AND ${isEmpty}`)
      .returning({ id: sessions.id })
    return removed.length
  })
}

/** A chore: removes codes of mails that are too old, and counts of attempts whose window is over. */
export async function removeOldAttempts({ db, now }: BaseCtx): Promise<void> {
  const ms = now.getTime()
  const oldToken = sql`rowid IN (SELECT rowid FROM mail_tokens WHERE expires_at < ${ms} LIMIT ${SWEEP_ROWS})`
  const oldCount = sql`subject IN (SELECT subject FROM attempts WHERE resets_at < ${ms} LIMIT ${SWEEP_ROWS})`
  await sweep(async () => (await db.delete(mailTokens).where(oldToken).returning({ hash: mailTokens.hash })).length)
  await sweep(async () => (await db.delete(attempts).where(oldCount).returning({ subject: attempts.subject })).length)
}
