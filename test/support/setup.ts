import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, expect } from 'vitest'
import { addresses, secrets } from './secrets.ts'

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)

const log: string[] = []
for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
  const original = console[level]
  console[level] = (...parts: unknown[]) => {
    const line = parts.join(' ')
    log.push(line)
    // What the service logs is looked through here and shown to nobody. Sent on, it could come from an object that ends, and the
    // pool would wait for the answer for ever.
    if (!line.startsWith('{"ts":')) original(...parts)
  }
}

afterAll(async () => {
  const lines = log.join('\n')
  const dump = await dumpOfDatabase()
  const found = (text: string, values: Iterable<string>) => [...values].filter((value) => text.includes(value))
  expect(found(lines, [...secrets, ...addresses]), 'secrets and addresses in the log').toEqual([])
  expect(found(dump, secrets), 'secrets in the database').toEqual([])
  // With their alarms and sockets: an object that wakes while the pool closes fails the run.
  await reset()
})

/** Rows of a table that are looked through. Of the hundreds of thousands that a test of scale makes all would be too much. */
const NEWEST = 2_000

/** The values of every table. */
async function dumpOfDatabase(): Promise<string> {
  const tables = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB '*_search_*' AND name NOT GLOB '*_search'",
  ).all<{ name: string }>()
  const dumps = await Promise.all(
    tables.results.map(({ name }) =>
      env.DB.prepare(`SELECT * FROM "${name}" ORDER BY rowid DESC LIMIT ${NEWEST}`).all(),
    ),
  )
  return JSON.stringify(dumps.map(({ results }) => results))
}
