import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { mendTexts } from './mended-texts.ts'
import { type Made, ownTables } from './schema.ts'
import type { Stores } from './stores.ts'

/**
 * Writes the rows of all tables, of one moment, into a new SQLite file: what any tool can read. `inexact` texts are as an export has
 * them, and may not be as they were (mended-texts.ts).
 */
export async function takeSnapshot(
  { d1, exportTo }: Stores,
  schema: Made[],
  file: string,
): Promise<{ snapshot: DatabaseSync; inexact: number }> {
  const tables = ownTables(schema)
  const folder = mkdtempSync(join(tmpdir(), 'parley-export-'))
  // Rows come in no order that keys would hold in.
  const snapshot = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  try {
    const dump = join(folder, 'rows.sql')
    await exportTo(
      dump,
      tables.map(({ name }) => name),
    )
    for (const { sql } of tables) snapshot.exec(sql)
    snapshot.exec('BEGIN')
    for await (const statement of statementsOf(dump)) snapshot.exec(statement)
    snapshot.exec('COMMIT')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { snapshot, inexact: await mendTexts(d1, snapshot, tables) }
}

/** The INSERTs of an export. One ends with a line, outside of a text: there its quotes are even. */
async function* statementsOf(file: string): AsyncGenerator<string> {
  let statement = ''
  let quotes = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    statement = statement === '' ? line : `${statement}\n${line}`
    quotes += line.split("'").length - 1
    if (quotes % 2 === 1 || !line.endsWith(';')) continue
    if (statement.startsWith('INSERT')) yield statement
    statement = ''
    quotes = 0
  }
  if (statement.trim() !== '') throw new Error('The export ends in the middle of a statement')
}
