import { type SQL, sql } from 'drizzle-orm'

/** That a session goes on: neither ended nor expired, its user active. Its id and user are columns or values. */
export const sessionIsLive = (sessionId: SQL, userId: SQL, now: Date): SQL => sql`EXISTS (
  SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.id = ${sessionId} AND u.id = ${userId} AND s.revoked_at IS NULL AND s.expires_at > ${now.getTime()}
    AND u.disabled_at IS NULL)`

/** That a session goes on and its user is an admin at this moment. Whoever was demoted is none from the next statement on. */
export const adminIsLive = ({ id, sessionId }: { id: string; sessionId: string }, now: Date): SQL => sql`(
  ${sessionIsLive(sql`${sessionId}`, sql`${id}`, now)}
  AND EXISTS (SELECT 1 FROM users WHERE id = ${id} AND role = 'admin'))`
