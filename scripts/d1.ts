import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type SQLWrapper, sql } from 'drizzle-orm'
import { SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import { openDb } from '../src/db/client.ts'
import { onSignal, Refusal } from './command-line.ts'
import { applyMigrations, migrationNames, runWrangler } from './local-server.ts'

/** Which database a command works on: a local one, in the usual folder or in another, or the deployed one. */
export type Target = { remote: true } | { remote: false; persistTo?: string }

type Row = Record<string, string | number | null>

/** Composes statements and executes none. */
export const db = openDb(undefined as unknown as D1Database)

const dialect = new SQLiteSyncDialect({ casing: 'snake_case' })
const TRIES_WHEN_LOCKED = 8
/**
 * What a local database says while another process such as `npm run dev` is writing. The third is a transaction that is undone
 * because its end could not be marked; the last is one of the others where it is not told which.
 */
const IS_LOCKED = /SQLITE_BUSY|database is locked|Failed to get session commit token|internal error; reference/

/** A statement with its values in it, as texts of SQL: wrangler takes no parameters. @throws Error for a NUL */
export function sqlOf(statement: SQLWrapper): string {
  const text = dialect.sqlToQuery(statement.getSQL().inlineParams()).sql
  if (text.includes('\0')) throw new Error('A text with a NUL cannot be written')
  return `${text};`
}

/**
 * The rows of each statement, from a database that has every migration: a local one gets what it lacks.
 * @throws Refusal when the deployed one lacks some, and with the database's words when it refuses
 */
export async function readD1(target: Target, statements: SQLWrapper[]): Promise<Row[][]> {
  const read = () => execute(target, ['--command', [APPLIED, ...statements].map(sqlOf).join('\n')])
  const isComplete = (rows?: Row[][]) => rows?.[0]?.some(({ name }) => name === migrationNames().at(-1))
  const found = await read().catch(emptyWithoutTables)
  if (isComplete(found)) return found!.slice(1)
  if (target.remote) {
    throw new Refusal('The deployed database lacks tables. Run: npx wrangler d1 migrations apply DB --remote')
  }
  await applyMigrations(target.persistTo).catch((error) => Promise.reject(new Refusal(error.message)))
  return (await read()).slice(1)
}

/**
 * Executes statements, all or none.
 * @throws Refusal with the database's words, such as `UNIQUE constraint failed: users.email`
 */
export async function writeD1(target: Target, statements: SQLWrapper[]): Promise<void> {
  // A file, as the process list is for everybody to read.
  const folder = mkdtempSync(join(tmpdir(), 'parley-sql-'))
  const stopWatching = onSignal(() => rmSync(folder, { recursive: true, force: true }))
  try {
    const file = join(folder, 'statements.sql')
    writeFileSync(file, statements.map(sqlOf).join('\n'), { mode: 0o600 })
    await execute(target, ['--file', file])
  } finally {
    stopWatching()
    rmSync(folder, { recursive: true, force: true })
  }
}

const APPLIED = sql`SELECT name FROM d1_migrations`

function emptyWithoutTables(error: Error): undefined {
  if (!/no such (table|column)/.test(error.message)) throw error
}

async function execute(target: Target, what: string[]): Promise<Row[][]> {
  for (let tried = 1; ; tried++) {
    const { ok, stdout, output } = await runWrangler([
      'd1',
      'execute',
      'DB',
      '--json',
      '--yes',
      ...placeOf(target),
      ...what,
    ])
    const answer = parseAnswer(stdout)
    if (ok && Array.isArray(answer)) return answer.map(({ results }) => results)
    const fault = Array.isArray(answer) ? undefined : faultOf(answer)
    if (!target.remote && IS_LOCKED.test(fault ?? '') && tried < TRIES_WHEN_LOCKED) await sleep(tried * 200)
    else throw new Refusal(`The database refused: ${fault ?? (output.trim() || 'nobody knows why')}`)
  }
}

const placeOf = (target: Target): string[] => {
  if (target.remote) return ['--remote']
  return ['--local', ...(target.persistTo === undefined ? [] : ['--persist-to', resolve(target.persistTo)])]
}

type Answer = { results: Row[] }[] | { error?: { text?: string; notes?: { text: string }[] } }

/** The JSON that stands behind whatever else wrangler has to say. */
function parseAnswer(stdout: string): Answer | undefined {
  try {
    return JSON.parse(stdout.slice(Math.max(0, stdout.search(/^[[{]/m))))
  } catch {
    return undefined
  }
}

/** What Cloudflare says of it stands in notes. */
function faultOf(answer: Exclude<Answer, unknown[]> | undefined): string | undefined {
  const { text, notes } = answer?.error ?? {}
  return text && [text, ...(notes ?? []).map((note) => note.text)].join(' ')
}
