import { createHash } from 'node:crypto'
import type { InferInsertModel } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'

type WithId = SQLiteTable & { id: SQLiteColumn }

/** Rows of one table, children after their parents; what has the same `key` is the same row. */
export type Part = { name: string; table: SQLiteTable; key: SQLiteColumn[]; rows: object[] }

/** What is written together, or not at all when rows of its first part are there. */
export type Section = { name: string; parts: Part[] }

/** A part whose rows fit its table. */
export function part<T extends WithId>(name: string, table: T, rows: InferInsertModel<T>[]): Part
export function part<T extends SQLiteTable>(
  name: string,
  table: T,
  rows: InferInsertModel<T>[],
  key: SQLiteColumn[],
): Part
export function part(name: string, table: SQLiteTable, rows: object[], key = [(table as WithId).id]): Part {
  return { name, table, key, rows }
}

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** Stands for the moment of the first run in ids, so that they are the same whenever that is. */
const FIRST_RUN = Date.UTC(2026, 0, 1)

/**
 * An id like a UUIDv7, always the same for the same thing, and in the order of time among the demo data. `agoMs` is how
 * long ago the thing came to be, `place` its place among those of that moment.
 */
export function seedId(thing: string, agoMs: number, place = 0): string {
  const head = Math.round(FIRST_RUN - agoMs)
    .toString(16)
    .padStart(12, '0')
  const tail = createHash('sha256').update(thing).digest('hex')
  const middle = place.toString(16).padStart(3, '0')
  return `${head.slice(0, 8)}-${head.slice(8)}-7${middle}-8${tail.slice(0, 3)}-${tail.slice(3, 15)}`
}
