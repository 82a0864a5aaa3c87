import { sql } from 'drizzle-orm'
import { sharedMessages, shares } from '../../db/schema/index.ts'
import type { BaseCtx } from '../../http/context.ts'
import { removeIdleConversations } from './service/delete.ts'

/** What one round takes at the most; the rest of a long one, and of many rounds, waits for the next. */
const CONVERSATIONS_AT_ONCE = 100
const MESSAGES_AT_ONCE = 2_000
const SHARES_AT_ONCE = 10
const ROUNDS = 10

/** A chore: removes temporary conversations that have expired. One in which a reply is being written waits for its end. */
export async function removeExpiredConversations({ db, now }: BaseCtx): Promise<void> {
  const expired = sql`SELECT c.id FROM conversations c WHERE c.expires_at <= ${now.getTime()}
    AND NOT EXISTS (SELECT 1 FROM runs WHERE conversation_id = c.id AND status = 'in_progress')
    ORDER BY c.expires_at LIMIT ${CONVERSATIONS_AT_ONCE}`
  for (let round = 1; round <= ROUNDS; round++) {
    const removed = await removeIdleConversations(db, expired, MESSAGES_AT_ONCE)
    if (removed.conversations < CONVERSATIONS_AT_ONCE && removed.messages < MESSAGES_AT_ONCE) return
  }
}

/** A chore: removes links that have expired, with what they showed. */
export async function removeExpiredShares({ db, now }: BaseCtx): Promise<void> {
  const expired = sql`SELECT id FROM shares WHERE expires_at <= ${now.getTime()}
    ORDER BY expires_at, id LIMIT ${SHARES_AT_ONCE}`
  for (let round = 1; round <= ROUNDS; round++) {
    const [, removed] = await db.batch([
      db.delete(sharedMessages).where(sql`share_id IN (${expired})`),
      db.delete(shares).where(sql`id IN (${expired})`).returning({ id: shares.id }),
    ])
    if (removed.length < SHARES_AT_ONCE) return
  }
}
