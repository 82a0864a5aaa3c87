import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Tier } from '../../lib/tiers.ts'
import { json } from '../columns.ts'

/** What an account may use. Months are calendar months, UTC. A migration seeds them; an operator may change them. */
export const plans = sqliteTable('plans', {
  id: text().primaryKey(),
  messagesPerMonth: integer().notNull(),
  tokensPerMonth: integer().notNull(),
  requestsPerMinute: integer().notNull(),
  runsAtOnce: integer().notNull(),
  storageBytes: integer().notNull(),
  fileBytes: integer().notNull(),
  tiers: json<Tier[]>().notNull(),
})
