import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { RunStatus } from '../../lib/run-events.ts'
import { id, moment } from '../columns.ts'
import { RUN_KINDS } from './runs.ts'

/** Append-only: exactly one row per ended run. It outlives the conversation, so it has no foreign keys. */
export const usageLedger = sqliteTable(
  'usage_ledger',
  {
    id: id(),
    runId: text().notNull().unique('usage_ledger_run'),
    userId: text().notNull(),
    apiKeyId: text(),
    chatbotId: text(),
    conversationId: text(),
    kind: text({ enum: RUN_KINDS }).notNull(),
    model: text().notNull(),
    upstream: text(),
    admittedAt: moment().notNull().default(sql`0`),
    /** First instant of the calendar month (UTC) in which the run was admitted. */
    periodStart: moment().notNull(),
    messages: integer().notNull(),
    calls: integer().notNull(),
    inputTokens: integer().notNull(),
    cachedTokens: integer().notNull(),
    outputTokens: integer().notNull(),
    reasoningTokens: integer().notNull(),
    chargedTokens: integer().notNull(),
    /** What the model counted beyond what was reserved. */
    unbilledTokens: integer().notNull().default(0),
    costMicrousd: integer().notNull(),
    estimated: integer({ mode: 'boolean' }).notNull(),
    status: text().$type<RunStatus>().notNull(),
    createdAt: moment().notNull(),
  },
  (table) => [index('usage_ledger_user').on(table.userId, table.periodStart)],
)

/**
 * Sums of the ledger, kept by a trigger (migrations/0004), so that they equal it at any moment. Those of a day are the
 * sums over its models; `userId` is `*` for all users, of whom only models are summed.
 */
export const usageDays = sqliteTable(
  'usage_days',
  {
    userId: text().notNull(),
    dimension: text({ enum: ['model', 'conversation', 'key'] }).notNull(),
    /** First instant of the day (UTC) on which the run was admitted. */
    day: moment().notNull(),
    /** The name of a model, the id of a conversation or of a key; empty for none. */
    value: text().notNull(),
    runs: integer().notNull(),
    messages: integer().notNull(),
    calls: integer().notNull(),
    inputTokens: integer().notNull(),
    cachedTokens: integer().notNull(),
    outputTokens: integer().notNull(),
    reasoningTokens: integer().notNull(),
    chargedTokens: integer().notNull(),
    unbilledTokens: integer().notNull(),
    costMicrousd: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.dimension, table.day, table.value] })],
)
