import { getTableColumns, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Db } from './client.ts'
import { messages } from './schema/index.ts'

/**
 * The branch that ends at message `from`, newest first (`place` counts from 1): at most `maxMessages`, and only as
 * long as the estimates add up to `maxTokens`. It walks up the parents, so its cost does not grow with the
 * conversation. Made for `db.with(branch).select(…).from(branch)`.
 */
export const branchFrom = (
  db: Db,
  from: SQL,
  maxMessages: number | SQLWrapper,
  maxTokens: number | SQL = Number.MAX_SAFE_INTEGER,
) =>
  db.$with('branch', { ...getTableColumns(messages), place: sql<number>`place`.as('place') }).as(sql`
      SELECT m.*, 1 AS place, m.tokens AS total FROM messages m WHERE m.id = (${from}) AND ${maxMessages} > 0 AND m.tokens <= ${maxTokens}
      UNION ALL
      SELECT p.*, b.place + 1, b.total + p.tokens FROM branch b JOIN messages p ON p.id = b.parent_id
      WHERE b.place < ${maxMessages} AND b.total + p.tokens <= ${maxTokens}`)

/**
 * Selects the end of the newest branch that goes through message `from`, which may be null: from each message on to its
 * newest child, `but` that one. Reads as many messages as there are after it.
 */
export const leafBelow = (conversationId: SQL, from: SQL, but: SQL = sql`NULL`): SQL => {
  const newestChild = sql`(SELECT m.id FROM messages m
    WHERE m.conversation_id = ${conversationId} AND m.parent_id IS down.id AND m.id IS NOT ${but} ORDER BY m.id DESC LIMIT 1)`
  return sql`WITH RECURSIVE down(id, place) AS (
      SELECT (${from}), 0
      UNION ALL SELECT ${newestChild}, place + 1 FROM down WHERE place = 0 OR id IS NOT NULL
    ) SELECT id FROM down WHERE id IS NOT NULL ORDER BY place DESC LIMIT 1`
}
