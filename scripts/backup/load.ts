import type { DatabaseSync } from 'node:sqlite'
import type { Value } from './rows.ts'
import { type Made, quoted, searchTables } from './schema.ts'
import { columnsOf } from './tally.ts'

/** A value that is bound may have two million bytes, and a letter has three at the most. */
const CHUNK = 500_000
/** Rows that a search takes in one statement: in half a minute D1 gives up. */
const SEARCH_ROWS = 1_000

/** Makes the tables and their indexes, and fills them. Nothing watches yet: what triggers keep is among the rows. */
export async function loadTables(
  d1: D1Database,
  snapshot: DatabaseSync,
  schema: Made[],
  tables: Made[],
): Promise<void> {
  const own = new Set(tables.map(({ name }) => name))
  const ordered = parentsFirst(snapshot, tables)
  for (const { sql } of ordered) await d1.prepare(sql).run()
  for (const { sql } of schema.filter(({ type }) => type === 'index')) await d1.prepare(sql).run()
  for (const { name } of ordered) await fill(d1, snapshot, name, own)
}

async function fill(d1: D1Database, snapshot: DatabaseSync, table: string, own: Set<string>): Promise<void> {
  if (!own.has(table)) return
  const columns = columnsOf(snapshot, table)
  // Each row as a list of JSON in one parameter: a statement may have 100,000 bytes, and a text of Parley more.
  const insert = d1.prepare(
    `INSERT INTO ${quoted(table)} (${columns.map(quoted).join(', ')})
     SELECT ${columns.map((_, at) => `value ->> ${at}`).join(', ')} FROM json_each(?1) ORDER BY key`,
  )
  let chunk: string[] = []
  let size = 0
  const flush = async () => {
    if (chunk.length > 0) await insert.bind(`[${chunk.join(',')}]`).run()
    chunk = []
    size = 0
  }
  for (const found of snapshot.prepare(`SELECT * FROM ${quoted(table)} ORDER BY rowid`).iterate()) {
    const row = JSON.stringify(Object.values(found) as Value[])
    if (size + row.length > CHUNK) await flush()
    chunk.push(row)
    size += row.length
  }
  await flush()
}

/** What stands on tables: views, and searches with all that they find; then the triggers that keep both in step from now on. */
export async function buildOn(d1: D1Database, schema: Made[]): Promise<void> {
  const make = async (what: Made[]) => {
    for (const { sql } of what) await d1.prepare(sql).run()
  }
  const searches = searchTables(schema)
  await make(schema.filter(({ type }) => type === 'view'))
  await make(searches)
  for (const { name } of searches) await fillSearch(d1, name)
  await make(schema.filter(({ type }) => type === 'trigger'))
}

/** Beside each search is a view of what belongs into it, whose `place` is the number of the row (migrations/0002, 0008, 0013). */
async function fillSearch(d1: D1Database, search: string): Promise<void> {
  const rows = quoted(`${search}_rows`)
  const { results } = await d1.prepare('SELECT name FROM pragma_table_info(?1)').bind(search).all<{ name: string }>()
  const columns = results.map(({ name }) => quoted(name)).join(', ')
  const last = (await d1.prepare(`SELECT max(place) AS last FROM ${rows}`).first<number>('last')) ?? 0
  const insert = d1.prepare(
    `INSERT INTO ${quoted(search)} (rowid, ${columns}) SELECT * FROM ${rows} WHERE place > ?1 AND place <= ?2`,
  )
  for (let from = 0; from < last; from += SEARCH_ROWS) await insert.bind(from, from + SEARCH_ROWS).run()
}

/**
 * Begins another epoch of every channel, higher than any before: the numbers of its events begin anew from where the database is, and who
 * has seen later ones must not take them for the same (docs/realtime.md).
 */
export const NEW_EPOCH = 'UPDATE channels SET epoch = max(epoch + 1, unixepoch())'

/** Tables after those that they refer to. */
function parentsFirst(snapshot: DatabaseSync, tables: Made[]): Made[] {
  const parents = snapshot.prepare('SELECT DISTINCT "table" AS name FROM pragma_foreign_key_list(?)')
  const done = new Map<string, Made>()
  const visit = (table: Made) => {
    if (done.has(table.name)) return
    for (const { name } of parents.all(table.name)) {
      const parent = tables.find((each) => each.name === name && each !== table)
      if (parent) visit(parent)
    }
    done.set(table.name, table)
  }
  for (const table of tables) visit(table)
  return [...done.values()]
}
