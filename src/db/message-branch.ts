import { getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { Db } from './client.ts'
import { messages } from './schema/index.ts'

/**
 * The branch that ends at message `from`, newest first (`place` counts from 1): at most `maxMessages`, and only as
 * long as the estimates add up to `maxTokens`. It walks up the parents, so its cost does not grow with the
 * conversation. Made for `db.with(branch).select(…).from(branch)`.
 */
export const branchFrom = (db: Db, from: SQL, maxMessages: number, maxTokens = Number.MAX_SAFE_INTEGER) =>
  db.$with('branch', { ...getTableColumns(messages), place: sql<number>`place`.as('place') }).as(sql`
      SELECT m.*, 1 AS place, m.tokens AS total FROM messages m WHERE m.id = (${from}) AND ${maxMessages} > 0 AND m.tokens <= ${maxTokens}
      UNION ALL
      SELECT p.*, b.place + 1, b.total + p.tokens FROM branch b JOIN messages p ON p.id = b.parent_id
      WHERE b.place < ${maxMessages} AND b.total + p.tokens <= ${maxTokens}`)
