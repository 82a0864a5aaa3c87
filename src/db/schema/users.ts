import { sql } from 'drizzle-orm'
import { check, index, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { id, moment } from '../columns.ts'

export const users = sqliteTable(
  'users',
  {
    id: id(),
    /** Trimmed and lower-cased before it gets here. */
    email: text().unique('users_email'),
    /** Lower-cased before it gets here. */
    username: text().unique('users_username'),
    displayName: text().notNull(),
    passwordHash: text().notNull(),
    role: text({ enum: ['user', 'admin'] })
      .notNull()
      .default('user'),
    plan: text().notNull().default('free'),
    disabledAt: moment(),
    createdAt: moment().notNull(),
    updatedAt: moment().notNull(),
  },
  (table) => [check('users_identifier', sql`${table.email} IS NOT NULL OR ${table.username} IS NOT NULL`)],
)

/** A refresh-token family. It ends at `expiresAt` at the latest, or when it is revoked. */
export const sessions = sqliteTable(
  'sessions',
  {
    id: id(),
    userId: text()
      .notNull()
      .references(() => users.id),
    device: text(),
    ipHash: text(),
    createdAt: moment().notNull(),
    lastUsedAt: moment().notNull(),
    expiresAt: moment().notNull(),
    revokedAt: moment(),
    revokedReason: text({ enum: ['logout', 'token_reuse'] }),
  },
  (table) => [index('sessions_user').on(table.userId, table.id)],
)

/** Spent tokens stay until their family's end: a replayed one must be recognised. Only hashes are stored. */
export const refreshTokens = sqliteTable(
  'refresh_tokens',
  {
    hash: text().primaryKey(),
    sessionId: text()
      .notNull()
      .references(() => sessions.id),
    createdAt: moment().notNull(),
    expiresAt: moment().notNull(),
    usedAt: moment(),
    successorHash: text(),
  },
  (table) => [index('refresh_tokens_session').on(table.sessionId)],
)
