import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Source } from '../../lib/run-events.ts'
import { id, json, moment } from '../columns.ts'
import { conversations } from './conversations.ts'
import { users } from './users.ts'

/** A link that shows a conversation as it was when the link was made. Revoking it deletes it. */
export const shares = sqliteTable(
  'shares',
  {
    id: id(),
    userId: text()
      .notNull()
      .references(() => users.id),
    conversationId: text()
      .notNull()
      .references(() => conversations.id),
    /** 256 random bits. In clear, so that its owner can be shown the link again: it opens nothing but what lies beside it. */
    token: text().notNull().unique('shares_token'),
    title: text(),
    createdAt: moment().notNull(),
    expiresAt: moment(),
  },
  (table) => [
    index('shares_user').on(table.userId, table.id),
    index('shares_conversation').on(table.conversationId),
    index('shares_expiry').on(table.expiresAt).where(sql`expires_at IS NOT NULL`),
  ],
)

/** The frozen copy, in the order in which it was said; `place` counts from 1. */
export const sharedMessages = sqliteTable(
  'shared_messages',
  {
    shareId: text()
      .notNull()
      .references(() => shares.id),
    place: integer().notNull(),
    role: text({ enum: ['user', 'assistant'] }).notNull(),
    content: text().notNull(),
    model: text(),
    sources: json<Source[]>(),
    createdAt: moment().notNull(),
  },
  (table) => [primaryKey({ columns: [table.shareId, table.place] })],
)
