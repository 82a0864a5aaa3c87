import { index, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { id, moment } from '../columns.ts'
import { users } from './users.ts'

/** A folder of conversations; what it says of instructions and model holds for every conversation in it. */
export const projects = sqliteTable(
  'projects',
  {
    id: id(),
    userId: text()
      .notNull()
      .references(() => users.id),
    name: text().notNull(),
    description: text(),
    color: text().notNull(),
    instructions: text(),
    /** The model of its conversations where a request names none. */
    model: text(),
    createdAt: moment().notNull(),
    updatedAt: moment().notNull(),
  },
  (table) => [index('projects_user').on(table.userId, table.id)],
)
