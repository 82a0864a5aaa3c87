import { type SQL, sql } from 'drizzle-orm'

/**
 * That a conversation has not expired. A temporary one that has counts as gone, though the chore that removes it may come a
 * minute later. `table` is what the statement calls `conversations`.
 */
export const hasNotExpired = (now: Date, table: 'c' | 'conversations' = 'conversations'): SQL => {
  const expiresAt = sql.raw(`${table}.expires_at`)
  return sql`(${expiresAt} IS NULL OR ${expiresAt} > ${now.getTime()})`
}

/** That a row of `conversations` is this one, the user's own, and there. */
export const isOwnConversation = ({ user, now }: { user: { id: string }; now: Date }, id: string): SQL =>
  sql`(conversations.id = ${id} AND conversations.user_id = ${user.id} AND ${hasNotExpired(now)})`
