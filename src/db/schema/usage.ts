import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { RunStatus } from '../../lib/run-events.ts'
import { id, moment } from '../columns.ts'

/** Append-only: exactly one row per ended run. It outlives the conversation, so it has no foreign keys. */
export const usageLedger = sqliteTable(
  'usage_ledger',
  {
    id: id(),
    runId: text().notNull().unique('usage_ledger_run'),
    userId: text().notNull(),
    conversationId: text(),
    kind: text({ enum: ['reply'] }).notNull(),
    model: text().notNull(),
    upstream: text(),
    /** First instant of the calendar month (UTC) in which the run was admitted. */
    periodStart: moment().notNull(),
    messages: integer().notNull(),
    calls: integer().notNull(),
    inputTokens: integer().notNull(),
    cachedTokens: integer().notNull(),
    outputTokens: integer().notNull(),
    reasoningTokens: integer().notNull(),
    chargedTokens: integer().notNull(),
    costMicrousd: integer().notNull(),
    estimated: integer({ mode: 'boolean' }).notNull(),
    status: text().$type<RunStatus>().notNull(),
    createdAt: moment().notNull(),
  },
  (table) => [index('usage_ledger_user').on(table.userId, table.periodStart)],
)
