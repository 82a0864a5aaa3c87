import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * What the tables would say if they were counted, kept by triggers (migrations/0002, docs/decisions/005-counters.md).
 * `day` counts from 1970, UTC; day 0 holds the total of all days.
 */
export const counters = sqliteTable(
  'counters',
  {
    day: integer().notNull(),
    name: text().notNull(),
    value: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.day, table.name] })],
)

/** How many users were last active in an hour, counted from 1970. A user is in one hour at a time. */
export const activeHours = sqliteTable('active_hours', {
  hour: integer().primaryKey(),
  users: integer().notNull(),
})
