import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { sessionIsLive } from '../../../db/live-session.ts'
import { users } from '../../../db/schema/index.ts'
import type { Ctx, Principal } from '../../../http/context.ts'
import { invalidToken } from '../../../http/errors.ts'
import { signTicket, TICKET_TTL } from '../access-tokens.ts'

export { verifyAccessToken, verifyTicket } from '../access-tokens.ts'

/** Who opens a socket, and what others call them. */
export type Opener = { userId: string; sessionId: string; username: string | null; displayName: string }

/** A ticket that opens one socket, within `expiresIn` seconds. */
export async function issueTicket({
  db,
  user,
  config,
  now,
  newId,
}: Ctx): Promise<{ ticket: string; expiresIn: number }> {
  const own = await db
    .select({ username: users.username, displayName: users.displayName })
    .from(users)
    .where(and(eq(users.id, user.id), isNull(users.deletedAt)))
    .get()
  if (!own) throw invalidToken()
  const ticket = await signTicket({ id: newId(), userId: user.id, sessionId: user.sessionId, ...own }, config, now)
  return { ticket, expiresIn: TICKET_TTL }
}

/** Who a verified access token names; `undefined` when the session has ended, as D1 says. */
export async function openerOf(db: Db, { id, sessionId }: Principal, now: Date): Promise<Opener | undefined> {
  const own = await db
    .select({ username: users.username, displayName: users.displayName })
    .from(users)
    .where(and(eq(users.id, id), sessionIsLive(sql`${sessionId}`, sql`${id}`, now)))
    .get()
  return own && { userId: id, sessionId, ...own }
}
