import { sql } from 'drizzle-orm'
import { attempts, mailTokens, refreshTokens, sessions } from '../../db/schema/index.ts'
import { SWEEP_ROWS, sweep } from '../../db/sweep.ts'
import type { BaseCtx } from '../../http/context.ts'

/**
 * A chore: removes sessions that nobody used for as long as one may be idle, with their refresh tokens. Until then also
 * ended ones stay, so that a spent token which comes back is recognised.
 */
export async function removeOldSessions({ db, config, now }: BaseCtx): Promise<void> {
  const idleSince = now.getTime() - config.SESSION_IDLE_MS
  const old = sql`SELECT id FROM sessions WHERE last_used_at < ${idleSince} ORDER BY last_used_at LIMIT ${SWEEP_ROWS}`
  await sweep(async () => {
    const [tokens, removed] = await db.batch([
      db
        .delete(refreshTokens)
        .where(sql`hash IN (SELECT hash FROM refresh_tokens WHERE session_id IN (${old}) LIMIT ${SWEEP_ROWS})`)
        .returning({ hash: refreshTokens.hash }),
      db
        .delete(sessions)
        .where(sql`id IN (${old}) AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE session_id = sessions.id)`)
        .returning({ id: sessions.id }),
    ])
    return Math.max(tokens.length, removed.length)
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
