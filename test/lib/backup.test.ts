import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { asExported, mendTexts } from '../../scripts/backup/mended-texts.ts'
import { copyIn, copyOut } from '../../scripts/backup/objects.ts'
import { restore } from '../../scripts/backup/read.ts'
import { ownTables, searchTables } from '../../scripts/backup/schema.ts'
import { tallySnapshot } from '../../scripts/backup/tally.ts'

const TABLE = {
  type: 'table',
  name: 'messages',
  sql: 'CREATE TABLE messages (id text PRIMARY KEY, content text)',
} as const

function databaseWith(rows: [id: string, content: string | null][]): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  database.exec(TABLE.sql)
  for (const row of rows) database.prepare('INSERT INTO messages VALUES (?, ?)').run(...row)
  return database
}

/** As much of D1 as these read through. */
const asD1 = (database: DatabaseSync) =>
  ({
    prepare: (sql: string) => ({
      all: async () => ({ results: database.prepare(sql).all() }),
      bind: (...values: number[]) => ({
        raw: async () =>
          database
            .prepare(sql)
            .all(...values)
            .map((row) => Object.values(row)),
      }),
    }),
  }) as unknown as D1Database

const contents = (database: DatabaseSync) =>
  database
    .prepare('SELECT content FROM messages ORDER BY id')
    .all()
    .map(({ content }) => content)

test('texts that an export changes are mended, and those that have changed since are counted', async () => {
  const texts = ['print("\\n")\nnext', 'a\r\nb\\r', 'only \\n', 'only\nfeeds', "it's \\n\n now another"]
  const live = databaseWith(texts.map((text, at) => [String(at), text]))
  const then = [...texts.slice(0, -1), 'what was \\n\nthere']
  const snapshot = databaseWith(then.map((text, at) => [String(at), asExported(text)]))
  expect(contents(snapshot)).not.toEqual(then)
  expect(await mendTexts(asD1(live), snapshot, [TABLE])).toBe(1)
  expect(contents(snapshot)).toEqual([...texts.slice(0, -1), asExported(then.at(-1)!)])
  // One that has no such fault gives the same.
  const exact = databaseWith(texts.map((text, at) => [String(at), text]))
  expect(await mendTexts(asD1(live), exact, [TABLE])).toBe(0)
  expect(contents(exact)).toEqual(texts)
})

test('a tally is the same in any order, and another for any other value', () => {
  const tally = (...rows: [string, string | null][]) => tallySnapshot(databaseWith(rows), [TABLE]).messages
  const first = tally(['1', 'a'], ['2', null])
  expect(first).toEqual(tally(['2', null], ['1', 'a']))
  for (const other of [tally(['1', 'a']), tally(['1', 'a'], ['2', '']), tally(['1', 'b'], ['2', null])]) {
    expect(other).not.toEqual(first)
  }
})

test('what stands behind a search is no table of its own', () => {
  const made = (name: string, sql = `CREATE TABLE ${name} (a)`) => ({ type: 'table' as const, name, sql })
  const schema = [
    made('user_search', 'CREATE VIRTUAL TABLE user_search USING fts5(a)'),
    ...['data', 'idx', 'docsize', 'config', 'terms'].map((part) => made(`user_search_${part}`)),
    made('users'),
  ]
  expect(searchTables(schema).map(({ name }) => name)).toEqual(['user_search'])
  expect(ownTables(schema).map(({ name }) => name)).toEqual(['user_search_terms', 'users'])
})

/** A bucket in memory, as much of it as a backup needs. */
function bucketWith(given: Record<string, Buffer>) {
  const objects = new Map(Object.entries(given))
  const bucket = {
    get: async (key: string) => objects.has(key) && { body: new Blob([new Uint8Array(objects.get(key)!)]).stream() },
    head: async (key: string) => objects.has(key) && { size: objects.get(key)!.length },
    put: async (key: string, bytes: Uint8Array) => objects.set(key, Buffer.from(bytes)),
    async createMultipartUpload(key: string) {
      const parts: Uint8Array[] = []
      return {
        uploadPart: async (number: number, part: Uint8Array) => parts.splice(number - 1, 1, part),
        complete: async () => objects.set(key, Buffer.concat(parts)),
      }
    },
  }
  return { objects, bucket: bucket as unknown as R2Bucket }
}

test('objects are copied once, and back; what is gone or not as it was is named and not kept', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-objects-'))
  const bytes = { 'files/empty': 0, 'files/small': 1_000, 'files/large': 16 * 1024 * 1024 + 1, 'files/wrong': 5 }
  const source = bucketWith(Object.fromEntries(Object.entries(bytes).map(([key, size]) => [key, randomBytes(size)])))
  const list = [...source.objects].map(([key, content]) => ({
    key,
    size: content.length,
    sha256: createHash('sha256')
      .update(key.endsWith('wrong') ? 'other' : content)
      .digest('hex'),
  }))
  const gone = { key: 'files/gone', size: 3, sha256: '' }
  const faulty = ['files/wrong', 'files/gone']
  expect(await copyOut(source.bucket, [...list, gone], folder)).toEqual({ copied: 3, faulty })
  expect(await copyOut(source.bucket, list, folder)).toEqual({ copied: 0, faulty: ['files/wrong'] })
  expect(readdirSync(join(folder, 'files')).sort()).toEqual(['empty', 'large', 'small'])

  const target = bucketWith({ 'files/small': source.objects.get('files/small')! })
  expect(await copyIn(target.bucket, [...list, gone], folder)).toEqual({ copied: 2, faulty })
  source.objects.delete('files/wrong')
  expect([...target.objects.keys()].sort()).toEqual([...source.objects.keys()].sort())
  for (const [key, content] of source.objects) expect(content.equals(target.objects.get(key)!), key).toBe(true)

  writeFileSync(join(folder, 'files/large'), 'cut')
  expect(await copyIn(bucketWith({}).bucket, list, folder)).toMatchObject({ faulty: ['files/large', 'files/wrong'] })
  rmSync(folder, { recursive: true })
})

test('a database with anything in it is refused', async () => {
  const manifest = { version: 1 as const, made_at: '', schema: [], tables: {}, inexact: 0, files: [], faulty: [] }
  const backup = { folder: '', manifest, snapshot: databaseWith([]) }
  const stores = { d1: asD1(databaseWith([])), files: bucketWith({}).bucket }
  await expect(restore(stores as never, backup, () => {})).rejects.toThrow('This database is not empty')
})
