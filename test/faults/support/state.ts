import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What Miniflare keeps in a folder of state: databases of D1, of R2 and of objects, and the bytes of R2. */
const databasesIn = (state: string, below: string): string[] =>
  readdirSync(join(state, 'v3', below), { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|\/)[0-9a-f]{64}\.sqlite$/.test(name))
    .map((name) => join(state, 'v3', below, name))

/** The database of the Worker, beside a server that may be running. */
export function withD1<T>(state: string, use: (db: DatabaseSync) => T): T {
  return withDatabase(databasesIn(state, 'd1')[0]!, use)
}

/** Changes the database of a state that no server runs on. */
export const writeD1 = (state: string, sql: string): void => writeObjects(state, 'd1', sql)

/** Changes all databases below a folder of a state that no server runs on, where they have what it is about. */
export function writeObjects(state: string, below: string, sql: string): void {
  for (const path of databasesIn(state, below)) {
    const db = new DatabaseSync(path)
    try {
      db.exec(sql)
    } catch (error) {
      if (!/no such table/.test((error as Error).message)) throw error
    } finally {
      db.close()
    }
  }
}

function withDatabase<T>(path: string, use: (db: DatabaseSync) => T, readOnly = true): T {
  const db = new DatabaseSync(path, { readOnly, timeout: 5_000 })
  try {
    return use(db)
  } finally {
    db.close()
  }
}

/** What SQLite itself finds wrong in any database of a copy. A journal that the kill left is played back, as it is at a start. */
export function damage(copy: string): string[] {
  const faultsOf = (db: DatabaseSync) => [
    ...db
      .prepare('PRAGMA integrity_check')
      .all()
      .filter(({ integrity_check }) => integrity_check !== 'ok'),
    ...db.prepare('PRAGMA foreign_key_check').all(),
  ]
  return ['d1', 'r2', 'do', 'kv'].flatMap((below) =>
    databasesIn(copy, below).flatMap((path) =>
      withDatabase(path, faultsOf, false).map((row) => `${below}: ${JSON.stringify(row)}`),
    ),
  )
}

/** Runs that an object has not settled. */
export const unsettledInObjects = (state: string): number =>
  databasesIn(state, 'do/parley-Runner').reduce(
    (sum, path) =>
      sum +
      withDatabase(path, (db) => {
        const isRunner = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'run'").get()
        return isRunner ? Number(db.prepare("SELECT count(*) AS n FROM run WHERE state <> 'settled'").get()!.n) : 0
      }),
    0,
  )

/** The names of the objects in R2. */
export const objectKeys = (state: string): string[] =>
  databasesIn(state, 'r2').flatMap((path) =>
    withDatabase(path, (db) =>
      db
        .prepare('SELECT key FROM _mf_objects')
        .all()
        .map(({ key }) => String(key)),
    ),
  )

/** The state as it is now, for as long as it is looked at. */
export function withCopy<T>(state: string, use: (copy: string) => T): T {
  const copy = mkdtempSync(join(tmpdir(), 'parley-copy-'))
  try {
    cpSync(state, copy, { recursive: true, filter: (path) => !path.includes('/blobs/') })
    return use(copy)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}
