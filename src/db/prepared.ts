import { fillPlaceholders, type Placeholder, QueryPromise, sql, type Query as Text } from 'drizzle-orm'
import type { RunnableQuery } from 'drizzle-orm/runnable-query'
import type { SelectedFieldsOrdered } from 'drizzle-orm/sqlite-core'
import type { Db } from './client.ts'
import { rowMapper } from './row-mapper.ts'

/** Stands in a query for the value of this name. No column encodes it: a time is given as its number. */
export type Given<V> = (name: keyof V & string) => Placeholder

type Query<T> = RunnableQuery<T, 'sqlite'> & PromiseLike<T>
type Statement = ReturnType<Db['session']['prepareQuery']>
type Made = Text & { toRows: (rows: unknown[][]) => unknown[] }

/**
 * A list whose SQL is put together once in an isolate, for every form that it is asked for in; a request gives it its values
 * (docs/decisions/022-prepared-lists.md).
 * @throws Error when a value is missing that its form needs
 */
export function prepared<V extends Record<string, unknown>, F extends Record<string, boolean>, T>(
  build: (db: Db, given: Given<V>, form: F) => Query<T>,
): (db: Db, values: V, form: F) => Query<T> {
  const made = new Map<string, Made>()
  return (db, values, form) => {
    const key = JSON.stringify(form)
    const known = made.get(key) ?? partsOf(build(db, (name) => sql.placeholder(name), form))
    made.set(key, known)
    const params = fillPlaceholders(known.params, values)
    if (params.includes(undefined)) throw new Error('A value of a prepared list is missing')
    const statement = db.session.prepareQuery({ sql: known.sql, params }, undefined, 'all', true, known.toRows)
    return new ReadyQuery(statement) as unknown as Query<T>
  }
}

/** @throws Error for rows with objects in them */
function partsOf(query: Query<unknown>): Made {
  const statement = (query as unknown as ReadyQuery)._prepare() as Statement & { fields: SelectedFieldsOrdered }
  const toObject = rowMapper(statement.fields)
  if (!toObject) throw new Error('A prepared list has plain rows')
  return { ...statement.getQuery(), toRows: (rows) => rows.map(toObject) }
}

/** As a query is to Drizzle: what runs when it is waited for, and joins a batch by `_prepare`. */
class ReadyQuery extends QueryPromise<unknown> {
  readonly #statement: Statement

  constructor(statement: Statement) {
    super()
    this.#statement = statement
  }

  _prepare = () => this.#statement
  execute = () => this.#statement.execute()
}
