import { type AnySQLiteColumn, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { RunStatus } from '../../lib/run-events.ts'
import { id, moment } from '../columns.ts'
import { users } from './users.ts'

export const conversations = sqliteTable(
  'conversations',
  {
    id: id(),
    userId: text()
      .notNull()
      .references(() => users.id),
    title: text(),
    /** The last message of the active branch. No foreign key: it would make a cycle with `messages`. */
    headId: text(),
    createdAt: moment().notNull(),
    /** Moves with every message; the list is ordered by it. */
    updatedAt: moment().notNull(),
  },
  (table) => [index('conversations_recent').on(table.userId, table.updatedAt, table.id)],
)

/** A tree: `parentId` leads to the root, `depth` counts from 1 at the root. */
export const messages = sqliteTable(
  'messages',
  {
    id: id(),
    conversationId: text()
      .notNull()
      .references(() => conversations.id),
    parentId: text().references((): AnySQLiteColumn => messages.id),
    depth: integer().notNull(),
    role: text({ enum: ['user', 'assistant'] }).notNull(),
    content: text().notNull(),
    status: text().$type<RunStatus>().notNull(),
    /** Estimate of `content`, made once when it is stored. */
    tokens: integer().notNull(),
    /** The run that wrote it; null for a user's message. */
    runId: text(),
    createdAt: moment().notNull(),
    updatedAt: moment().notNull(),
  },
  (table) => [
    index('messages_conversation').on(table.conversationId, table.id),
    index('messages_parent').on(table.parentId),
  ],
)
