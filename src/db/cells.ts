import { cellOf } from '../lib/ids.ts'

/**
 * Past one database people are spread over several, each with the whole schema: a cell. All that somebody makes has ids of their cell, and
 * Durable Objects are named after such ids: whoever has an id knows where to look, and nobody need be asked (docs/scale.md). Bindings are
 * DB, DB_1, DB_2 and so on.
 */
export const databaseOf = (env: Env, id: string): D1Database =>
  // An id is anybody's word: in the first, nobody has one of a cell that there is not.
  bound(env, cellOf(id)) ?? env.DB

/** That of a Runner or a Channel. Its name has the id of whose it is, after its kind. */
export const databaseOfObject = (env: Env, name: string): D1Database => databaseOf(env, ID.exec(name)?.[0] ?? '')

const ID = /[0-9a-f]{8}-[0-9a-f-]{27}/

/** All of them. */
export function databasesOf(env: Env): [D1Database, ...D1Database[]] {
  const found: [D1Database, ...D1Database[]] = [env.DB]
  for (let next = bound(env, 1); next; next = bound(env, found.length)) found.push(next)
  return found
}

const bound = (env: Env, cell: number): D1Database | undefined =>
  cell === 0 ? env.DB : (env as unknown as Record<string, D1Database | undefined>)[`DB_${cell}`]
