import { quoted } from './schema.ts'

export type Value = string | number | null
const FIRST = 100
const MAX = 2_000
const MIN = 20
/** About as many characters as one answer should have. */
const SIZE = 2_000_000

/** Rows of a table, in the order in which they were made, page by page. A page has fewer rows where they are long. */
export async function* rowsOf(
  d1: D1Database,
  table: string,
  columns: string[],
  where = 'true',
): AsyncGenerator<Value[]> {
  const statement = d1.prepare(
    `SELECT rowid, ${columns.map(quoted).join(', ')} FROM ${quoted(table)} WHERE rowid > ?1 AND (${where}) ORDER BY rowid LIMIT ?2`,
  )
  let limit = FIRST
  for (let after = 0; ; ) {
    const page = (await statement.bind(after, limit).raw()) as [number, ...Value[]][]
    for (const [, ...row] of page) yield row
    if (page.length < limit) return
    after = page.at(-1)![0]
    const size = JSON.stringify(page).length
    limit = size < SIZE / 2 ? Math.min(limit * 2, MAX) : size > SIZE ? Math.max(limit >> 1, MIN) : limit
  }
}
