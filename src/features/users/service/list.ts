import { getTableColumns, sql } from 'drizzle-orm'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { users } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'

export type UserFilter = {
  search?: string
  role?: 'user' | 'admin'
  plan?: string
  state?: 'active' | 'disabled'
}

/**
 * One page of all users, newest first. For admins: the route's guard has asked. Whatever is searched and filtered, it
 * reads about as many rows as it gives: one full-text index (migrations/0002) answers every combination. Only a text
 * whose every three letters are common and which is nowhere makes it look through the index.
 * @throws AppError `validation_failed` for a foreign cursor
 */
export async function listUsers({ db }: Ctx, { limit, cursor, ...filter }: UserFilter & PageRequest) {
  const query = matchOf(filter)
  const list = `users:${query}`
  const page = { limit, cursor }
  const before = keyAfter(page, list, ['number'])?.[0] ?? Number.MAX_SAFE_INTEGER
  const rows = await db
    .select({ ...getTableColumns(users), place })
    .from(sql`user_search`)
    .innerJoin(users, sql`users.rowid = user_search.rowid`)
    // D1 binds numbers as REAL, by which FTS5 would not seek.
    .where(sql`user_search MATCH ${query} AND user_search.rowid < CAST(${before} AS INTEGER)`)
    .orderBy(sql`user_search.rowid DESC`)
    .limit(limit + 1)
  return pageOf(rows, page, list, ({ place }) => [place])
}

/** A user's place in time: ids are made by many isolates, the order in which they were stored is one. */
const place = sql<number>`users.rowid`.as('place')

/** The query of FTS5: every part is a quoted text, so nothing in it is an operator. All have a role. */
function matchOf({ search, ...facets }: UserFilter): string {
  const parts = Object.entries(facets)
    .filter(([, value]) => value !== undefined)
    // With the space after it `pro` is not `prod`.
    .map(([name, value]) => `facets:${quoted(`${name}=${value} `)}`)
  if (search) parts.unshift(`names:${quoted(search)}`)
  return parts.join(' AND ') || `facets:${quoted('role=')}`
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
