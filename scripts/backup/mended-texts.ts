import type { DatabaseSync } from 'node:sqlite'
import { rowsOf } from './rows.ts'
import { type Made, quoted } from './schema.ts'

/**
 * `d1 export` writes a line feed as the two characters `\n`, and on the way back takes both for a line feed: a text that has the two
 * characters as well, as programs do, comes back changed (workers-sdk issue 9042). So these are read from the database, one by one, and
 * put into the snapshot where it has what the export makes of them. Gives how many have changed since and stay as exported.
 */
export async function mendTexts(d1: D1Database, snapshot: DatabaseSync, tables: Made[]): Promise<number> {
  let inexact = 0
  for (const { name } of tables) {
    const columns = columnsOf(snapshot, name)
    for (const { name: column } of columns.filter(({ type }) => type === 'text')) {
      const others = columns.filter((each) => each.name !== column)
      const keys = (others.some(({ pk }) => pk > 0) ? others.filter(({ pk }) => pk > 0) : others).map(
        (each) => each.name,
      )
      const mend = snapshot.prepare(
        `UPDATE ${quoted(name)} SET ${quoted(column)} = ?
         WHERE ${[`${quoted(column)} IN (?, ?)`, ...keys.map((key) => `${quoted(key)} IS ?`)].join(' AND ')}`,
      )
      for await (const row of rowsOf(d1, name, [column, ...keys], isAmbiguous(column))) {
        const [text, ...key] = row as [string, ...string[]]
        if (mend.run(text, text, asExported(text), ...key).changes !== 1) inexact++
      }
    }
  }
  return inexact
}

/** In SQL: a text that an export changes. */
const isAmbiguous = (column: string) =>
  [
    ['10', '\\n'],
    ['13', '\\r'],
  ]
    .map(([code, mark]) => `(instr(${quoted(column)}, char(${code})) AND instr(${quoted(column)}, '${mark}'))`)
    .join(' OR ')

/** What an export makes of such a text. */
export function asExported(text: string): string {
  const [hasFeed, hasReturn] = [text.includes('\n'), text.includes('\r')]
  const returned = hasReturn ? text.replaceAll('\\r', '\r') : text
  return hasFeed ? returned.replaceAll('\\n', '\n') : returned
}

type Column = { name: string; type: string; pk: number }

const columnsOf = (snapshot: DatabaseSync, table: string): Column[] =>
  snapshot.prepare('SELECT name, lower(type) AS type, pk FROM pragma_table_info(?)').all(table) as unknown as Column[]
