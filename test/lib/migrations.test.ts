import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const MIGRATIONS = globSync('migrations/*.sql', { cwd: root }).sort()
/** What a database of before the last change of the schema has had: what came later runs on the rows below. */
const EARLIER = MIGRATIONS.slice(0, MIGRATIONS.indexOf('migrations/0016_run_times.sql') + 1)
const ROWS = readFileSync(join(root, 'test/fixtures/rows-of-0.1.0.sql'), 'utf8')

/** As D1 runs a migration: in a transaction, where the pragma that would suspend foreign keys does nothing. */
function migrate(db: DatabaseSync, sql: string): void {
  db.exec('BEGIN')
  for (const statement of sql.split('--> statement-breakpoint')) db.exec(statement)
  db.exec('COMMIT')
}

/** A database of the first release with rows in all tables. Triggers come after the rows, which have what they would add. */
function populated(): DatabaseSync {
  const db = new DatabaseSync(':memory:', { enableForeignKeyConstraints: true })
  for (const file of EARLIER) migrate(db, readFileSync(join(root, file), 'utf8'))
  const triggers = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all()
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`)
  db.exec('BEGIN; PRAGMA defer_foreign_keys = on')
  for (const table of tablesOf(db)) db.exec(`DELETE FROM ${table}`)
  db.exec(`${ROWS}; COMMIT`)
  for (const { sql } of triggers) db.exec(String(sql))
  return db
}

/** All that hold rows of their own: an index of search is made of theirs. */
const tablesOf = (db: DatabaseSync): string[] =>
  db
    .prepare(
      "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
    )
    .all()
    .map(({ name }) => String(name))

const countsOf = (db: DatabaseSync): Record<string, number> =>
  Object.fromEntries(
    tablesOf(db).map((table) => [table, Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!.n)]),
  )

/** Tables of `before` that have other counts now, and what SQLite finds wrong. */
function losses(before: Record<string, number>, db: DatabaseSync): string[] {
  const after = countsOf(db)
  return [
    ...Object.keys(before).filter((table) => after[table] !== before[table]),
    ...db
      .prepare('PRAGMA foreign_key_check')
      .all()
      .map(({ table }) => `a foreign key of ${table}`),
    ...db
      .prepare("SELECT integrity_check AS fault FROM pragma_integrity_check WHERE fault <> 'ok'")
      .all()
      .map(({ fault }) => String(fault)),
  ]
}

test('what was released has rows in every table', () => {
  expect(Object.entries(countsOf(populated())).filter(([, count]) => count === 0)).toEqual([])
})

test('a database of the first release with rows in every table keeps them all through every later migration', () => {
  const db = populated()
  const before = countsOf(db)
  for (const file of MIGRATIONS.slice(EARLIER.length)) {
    migrate(db, readFileSync(join(root, file), 'utf8'))
    expect(losses(before, db), file).toEqual([])
  }
})

test('a migration that loses a row, or what a row belongs to, is seen', () => {
  const db = populated()
  const before = countsOf(db)
  migrate(db, 'DELETE FROM conversation_tags WHERE rowid IN (SELECT rowid FROM conversation_tags LIMIT 1)')
  expect(losses(before, db)).toEqual(['conversation_tags'])
  db.exec('PRAGMA foreign_keys = off')
  migrate(db, 'UPDATE messages SET conversation_id = id')
  expect(losses(before, db)).toContain('a foreign key of messages')
})
