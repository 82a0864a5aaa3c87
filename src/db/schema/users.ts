import { sql } from 'drizzle-orm'
import { check, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
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
    emailVerifiedAt: moment(),
    /** Wrong passwords since the last right one. */
    failedSignIns: integer().notNull().default(0),
    role: text({ enum: ['user', 'admin'] })
      .notNull()
      .default('user'),
    plan: text().notNull().default('free'),
    disabledAt: moment(),
    /** Since then the row names nobody: it stands for "deleted user" where others still see what was said. */
    deletedAt: moment(),
    /** When nothing was left of what a deleted account owned. */
    purgedAt: moment(),
    /** Hour since 1970 in which a session was last opened or refreshed; a trigger sets it (migrations/0002). */
    activeHour: integer(),
    createdAt: moment().notNull(),
    updatedAt: moment().notNull(),
  },
  (table) => [
    check('users_identifier', sql`${table.email} IS NOT NULL OR ${table.username} IS NOT NULL`),
    index('users_active_admins').on(table.id).where(sql`role = 'admin' AND disabled_at IS NULL`),
    index('users_unpurged').on(table.deletedAt).where(sql`deleted_at IS NOT NULL AND purged_at IS NULL`),
  ],
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
    revokedReason: text().$type<RevokedReason>(),
  },
  (table) => [
    index('sessions_user').on(table.userId, table.id),
    index('sessions_open').on(table.userId, table.id).where(sql`revoked_at IS NULL`),
    index('sessions_last_used').on(table.lastUsedAt),
  ],
)

export type RevokedReason =
  | 'logout'
  | 'token_reuse'
  | 'by_owner'
  | 'password_changed'
  | 'password_reset'
  | 'disabled'
  | 'deleted'

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
  (table) => [index('refresh_tokens_session').on(table.sessionId, table.createdAt)],
)

/**
 * What a mail lets its reader do, once. One per user and purpose: a new one voids the old. It counts only for the
 * address that it was sent to. Only hashes are stored.
 */
export const mailTokens = sqliteTable(
  'mail_tokens',
  {
    userId: text()
      .notNull()
      .references(() => users.id),
    purpose: text({ enum: ['verify', 'reset'] }).notNull(),
    hash: text().notNull(),
    email: text().notNull(),
    createdAt: moment().notNull(),
    expiresAt: moment().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.purpose] }),
    uniqueIndex('mail_tokens_hash').on(table.hash),
    index('mail_tokens_expiry').on(table.expiresAt),
  ],
)

/** How often something was tried in the window that ends at `resetsAt`. Subjects are keyed hashes, never names. */
export const attempts = sqliteTable(
  'attempts',
  {
    subject: text().primaryKey(),
    n: integer().notNull(),
    resetsAt: moment().notNull(),
  },
  (table) => [index('attempts_reset').on(table.resetsAt)],
)
