import { sql } from 'drizzle-orm'
import { check, index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { moment } from '../columns.ts'

/** What a user, or a key with a cap of its own, has used of a month, and what runs that are going on hold of it. */
export const quotaPeriods = sqliteTable(
  'quota_periods',
  {
    /** `user:<id>`, or `key:<family id>`. */
    subject: text().notNull(),
    periodStart: moment().notNull(),
    messagesUsed: integer().notNull().default(0),
    messagesHeld: integer().notNull().default(0),
    tokensUsed: integer().notNull().default(0),
    tokensHeld: integer().notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.subject, table.periodStart] })],
)

/**
 * What one upstream call of a run may use at the most. The insert computes what there is room for, and a check that does
 * not hold undoes the batch of the message that it would pay for. Settlement takes the row away.
 */
export const reservations = sqliteTable(
  'reservations',
  {
    runId: text().notNull(),
    /** 1 for the first call of a run. */
    call: integer().notNull(),
    subject: text().notNull(),
    /** The key whose cap it counts against besides, if it has one. */
    keySubject: text(),
    periodStart: moment().notNull(),
    messages: integer().notNull(),
    inputTokens: integer().notNull(),
    outputTokens: integer().notNull(),
    /** Messages that were left, and runs that might still begin, when it was made. */
    messageRoom: integer().notNull(),
    parallelRoom: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.call] }),
    index('reservations_subject').on(table.subject),
    check('quota_tokens', sql`output_tokens >= 16`),
    check('quota_messages', sql`message_room >= messages`),
    check('quota_parallel', sql`call > 1 OR parallel_room >= 1`),
  ],
)
