import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { rowsOf, type Value } from './rows.ts'
import { type Made, quoted } from './schema.ts'

/** How many rows a table has, and a sum of their hashes, which is the same in any order. */
export type Tally = { rows: number; checksum: string }

const WIDTH = 64

/** Of tables in a snapshot. */
export function tallySnapshot(snapshot: DatabaseSync, tables: Made[]): Record<string, Tally> {
  return Object.fromEntries(
    tables.map(({ name }) => {
      const count = newCount()
      for (const row of snapshot.prepare(`SELECT * FROM ${quoted(name)}`).iterate())
        count.add(Object.values(row) as Value[])
      return [name, count.result()]
    }),
  )
}

/** Of tables in D1: each row is read. */
export async function tallyDatabase(
  d1: D1Database,
  snapshot: DatabaseSync,
  tables: Made[],
): Promise<Record<string, Tally>> {
  const tallies: [string, Tally][] = []
  for (const { name } of tables) {
    const count = newCount()
    for await (const row of rowsOf(d1, name, columnsOf(snapshot, name))) count.add(row)
    tallies.push([name, count.result()])
  }
  return Object.fromEntries(tallies)
}

/** In the order of the table. */
export const columnsOf = (snapshot: DatabaseSync, table: string): string[] =>
  snapshot
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(table)
    .map(({ name }) => String(name))

function newCount() {
  let rows = 0
  let sum = 0n
  return {
    add(row: Value[]) {
      rows++
      sum += createHash('sha256').update(JSON.stringify(row)).digest().readBigUInt64BE()
    },
    result: (): Tally => ({
      rows,
      checksum: BigInt.asUintN(WIDTH, sum)
        .toString(16)
        .padStart(WIDTH / 4, '0'),
    }),
  }
}
