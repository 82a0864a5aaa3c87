import { type SQL, sql } from 'drizzle-orm'
import { DrizzleD1Database, SQLiteD1Session } from 'drizzle-orm/d1'
import { SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core'
import { isTransient } from './failures.ts'
import { mustHold } from './preconditions.ts'
import { rowMapper } from './row-mapper.ts'

export type Db = DrizzleD1Database<Record<string, unknown>> & {
  /** Whether something must still be asked before anything is done. */
  hasPreconditions: () => boolean
  /** Drizzle's own, which makes statements (`prepared.ts`). */
  session: MappingSession
}

/** What one request, alarm or job did in D1. `sqlMs` is the sum of the durations that D1 reports. */
export type DbMeter = { trips: number; sqlMs: number; rowsRead: number; rowsWritten: number }

/**
 * What must be true before anything else happens. It joins the first round trip, reads and writes alike: when it is
 * not so, the whole batch is undone (`db/preconditions.ts`).
 */
export type Precondition = {
  label: string
  condition: SQL
  /** A number to be read along with it. */
  value?: SQL<number>
  passed?: (value: number) => void
}

/** It remembers how columns are called: what `drizzle()` would make for each request took a third of its time. */
const dialect = new SQLiteAsyncDialect({ casing: 'snake_case' })

/** What is asked: the database, or a session that may read from its copies (`replicas.ts`). */
export type Source = Pick<D1Database, 'prepare' | 'batch'>

/** Drizzle over D1 that counts round trips, and sends `preconditions` along with the first one. */
export function openDb(d1: Source, meter: DbMeter = newMeter(), preconditions: Precondition[] = []): Db {
  let pending = preconditions

  async function send(statements: D1PreparedStatement[]): Promise<D1Result[]> {
    const first = pending
    const results = await retriedIfRead(statements, () => {
      meter.trips += 1
      return d1.batch([...first.map(statementOf), ...statements])
    })
    for (const { meta } of results) {
      meter.sqlMs += meta.duration
      meter.rowsRead += meta.rows_read
      meter.rowsWritten += meta.rows_written
    }
    pending = []
    for (const [at, { passed }] of first.entries()) passed?.((results[at]!.results[0] as { met: number }).met)
    return results.slice(first.length)
  }

  const statementOf = ({ label, condition, value }: Precondition) => {
    const { sql, params } = mustHold(db, label, condition, value).toSQL()
    return d1.prepare(sql).bind(...params)
  }

  /** What Drizzle uses of a statement. Each goes through `send`: one trip, with `meta` for the meter. */
  const metered = (bare: D1PreparedStatement): Statement => ({
    bare,
    bind: (...values) => metered(bare.bind(...values)),
    all: async () => (await send([bare]))[0]!,
    run: async () => (await send([bare]))[0]!,
    raw: async () => (await send([bare]))[0]!.results.map((row) => Object.values(row as object)),
  })
  const client = {
    prepare: (query: string) => metered(d1.prepare(query)),
    batch: (statements: Statement[]) => send(statements.map(({ bare }) => bare)),
  }
  const session = new MappingSession(client as unknown as D1Database, dialect, undefined)
  const bare = new DrizzleD1Database('async', dialect, session, undefined)
  const db: Db = Object.assign(bare, { hasPreconditions: () => pending.length > 0, session })
  return db
}

type Prepared = ReturnType<SQLiteD1Session<never, never>['prepareQuery']>

/** Maps the rows of lists by `rowMapper`, where that can; one row alone (`get`) is as quickly mapped by Drizzle. */
class MappingSession extends SQLiteD1Session<never, never> {
  override prepareQuery(...given: Parameters<SQLiteD1Session<never, never>['prepareQuery']>): Prepared {
    const prepared = super.prepareQuery(...given)
    const [, fields, , , ownMapper] = given
    const toObject = fields && !ownMapper ? rowMapper(fields) : undefined
    if (!toObject) return prepared
    const arraysOf = ({ results }: D1Result) => results.map((row) => Object.values(row as object))
    prepared.mapAllResult = (rows, isFromBatch) =>
      (isFromBatch ? arraysOf(rows as D1Result) : (rows as unknown[][])).map(toObject)
    return prepared
  }
}

/** A batch answers objects, so a select that joins must give equal column names aliases: the later one would win. */
type Statement = {
  bare: D1PreparedStatement
  bind: (...values: unknown[]) => Statement
  all: () => Promise<D1Result>
  run: () => Promise<D1Result>
  raw: () => Promise<unknown[][]>
}

/** Makes the trip that the preconditions ride on, unless it was made: before work which nobody may cause who is not let in. */
export async function passPreconditions(db: Db): Promise<void> {
  if (db.hasPreconditions()) await db.run(sql`SELECT 1`)
}

export const newMeter = (): DbMeter => ({ trips: 0, sqlMs: 0, rowsRead: 0, rowsWritten: 0 })

async function retriedIfRead<T>(statements: D1PreparedStatement[], run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (isTransient(error) && statements.every(isRead)) return run()
    throw error
  }
}

/** The platform's types hide the text of a statement, its objects do not. `WITH` may stand before a write as well. */
const isRead = (statement: D1PreparedStatement) =>
  /^\s*(select|with)\b(?!.*\b(insert|update|delete)\s)/is.test((statement as { statement?: string }).statement ?? '')
