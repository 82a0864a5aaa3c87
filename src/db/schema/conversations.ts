import { sql } from 'drizzle-orm'
import { type AnySQLiteColumn, index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { RunStatus, Source } from '../../lib/run-events.ts'
import { id, json, moment } from '../columns.ts'
import { projects } from './projects.ts'
import { users } from './users.ts'

/** `temporary` is for good: it is in no list, no search and no export, and is deleted at `expiresAt`. */
export const CONVERSATION_STATES = ['active', 'archived', 'temporary'] as const

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
    projectId: text().references(() => projects.id),
    /** Who gave the title: the first message's text, a model, or the user, whose title nobody else changes. */
    titleSource: text({ enum: ['text', 'model', 'user'] }),
    /** Sent with every message of this conversation, after those of its project. */
    instructions: text(),
    state: text({ enum: CONVERSATION_STATES }).notNull().default('active'),
    pinnedAt: moment(),
    /** Only of a temporary one; moves with every message. */
    expiresAt: moment(),
    /** Triggers keep `conversation_tags` in step with it. */
    tags: json<string[]>().notNull().default(sql`'[]'`),
  },
  (table) => [
    index('conversations_user').on(table.userId, table.id),
    index('conversations_recent').on(table.userId, table.updatedAt, table.id),
    index('conversations_listed').on(table.userId, table.state, table.updatedAt, table.id),
    index('conversations_pinned')
      .on(table.userId, table.state, table.updatedAt, table.id)
      .where(sql`pinned_at IS NOT NULL`),
    index('conversations_project')
      .on(table.projectId, table.state, table.updatedAt, table.id)
      .where(sql`project_id IS NOT NULL`),
    index('conversations_expiry').on(table.expiresAt).where(sql`expires_at IS NOT NULL`),
  ],
)

/** An index of `conversations.tags`, kept by triggers (migrations/0006). Nothing else writes it. */
export const conversationTags = sqliteTable(
  'conversation_tags',
  {
    conversationId: text().notNull(),
    tag: text().notNull(),
    userId: text().notNull(),
    state: text({ enum: CONVERSATION_STATES }).notNull(),
    updatedAt: moment().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.conversationId, table.tag] }),
    index('conversation_tags_listed').on(table.userId, table.tag, table.state, table.updatedAt, table.conversationId),
  ],
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
    /** The run that wrote it; null for a user's message and for one that was imported. */
    runId: text(),
    createdAt: moment().notNull(),
    updatedAt: moment().notNull(),
    /** The model that was asked for it; null for a user's message. */
    model: text(),
    sources: json<Source[]>(),
    feedback: text({ enum: ['up', 'down'] }),
    feedbackComment: text(),
  },
  (table) => [
    index('messages_by_depth').on(table.conversationId, table.depth, table.id),
    // For the foreign key by its beginning, and for siblings, of which the first ones of a conversation have no parent.
    index('messages_replies').on(table.parentId, table.conversationId, table.id),
  ],
)
