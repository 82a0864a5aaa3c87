import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { newState } from '../support/migrated-state.ts'
import { signIn, startConversation } from '../support/server-user.ts'

const folder = mkdtempSync(join(tmpdir(), 'parley-operations-'))
const backups = join(folder, 'backups')
const restored = join(folder, 'restored')
const state = newState()
const vars = { PASSWORD_COST: '4', OFFLINE_TOKEN_MS: '0' }
let server: LocalServer

beforeAll(async () => {
  server = await startServer({ persistTo: state, isMigrated: true, vars })
})

afterAll(async () => {
  await server.stop()
  for (const path of [folder, state]) rmSync(path, { recursive: true, force: true })
})

/** What `npm run` would run, to its end. */
async function run(script: string, args: string[]) {
  const child = spawn(process.execPath, [`scripts/${script}.ts`, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const code = await new Promise((done) => child.once('close', done))
  return { code, output: output.trim() }
}

test('the smoke test finds all of it working, and leaves nobody behind', async () => {
  const { code, output } = await run('smoke', [server.url])
  expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/All of it works\.$/) })
  expect(output.match(/^ok /gm)).toHaveLength(11)
  const open = "SELECT count(*) AS n FROM users WHERE username LIKE 'smoke_%' AND deleted_at IS NULL"
  expect(databaseIn(state).prepare(open).get()).toEqual({ n: 0 })
})

test('the smoke test says what does not work', async () => {
  const { code, output } = await run('smoke', ['http://127.0.0.1:9'])
  expect(code).toBe(1)
  expect(output).toMatch(/FAILED {2}it answers: .*\n1 failed: it answers\.$/)
})

/** Both what a line feed is and what a program calls one. */
const PROGRAM = 'print("one\\n")\nprint("it\'s two\\r\\n")\r\nzebra'
/** More than a statement may have. */
const LONG = `giraffe ${"it's long ".repeat(15_000)}`

test('a backup is restored into an empty database: every row, every file, and the search', async () => {
  const ada = await signIn(server.url)
  const { username } = await ada.json('/users/me')
  const conversation = await startConversation(ada)
  const reply = await ada.json(`/conversations/${conversation}/messages`, { body: { content: PROGRAM } })
  expect(reply).toMatchObject({ status: 'completed' })
  await importLong(ada.token)
  const said = await ada.json(`/conversations/${conversation}/messages`)
  const bytes = crypto.getRandomValues(new Uint8Array(65_536))
  const file = await fetch(`${server.url}/api/v1/upload?filename=zoo.bin`, {
    method: 'PUT',
    body: bytes,
    headers: { authorization: `Bearer ${ada.token}`, 'content-type': 'application/octet-stream' },
  })
  const { id: fileId } = (await file.json()) as { id: string }
  const channel = await ada.json('/channels', { body: { name: 'Zoo keepers' } })
  for (const content of ['okapi', 'tapir']) await ada.json(`/channels/${channel.id}/messages`, { body: { content } })

  const searches = ['/search?q=zebra', '/search?q=giraffe', '/channels/search?q=tapir']
  const found = await Promise.all(searches.map(async (path) => [path, await ada.json(path)] as const))
  for (const [path, results] of found) expect(results.length, path).toBeGreaterThan(0)

  const backup = await run('backup', ['--persist-to', state, '--to', backups])
  expect(backup).toMatchObject({
    code: 0,
    output: expect.stringMatching(/rows in \d+ tables; 1 files, 1 of them new\.$/),
  })
  const from = newest()
  await server.stop()

  const done = await run('restore', ['--from', from, '--persist-to', restored])
  expect(done).toMatchObject({
    code: 0,
    output: expect.stringMatching(/new epoch: \d+\n[\s\S]*Restored, as it was at/),
  })
  expect(countRows(restored)).toEqual(countRows(state))

  server = await startServer({ persistTo: restored, isMigrated: true, vars })
  expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  const back = await signInAs(username)
  expect(await back(`/conversations/${conversation}/messages`)).toEqual(said)
  for (const [path, before] of found) expect(await back(path), path).toEqual(before)
  const content = await open(back.token, `/files/${fileId}/content`)
  expect(new Uint8Array(await content.arrayBuffer())).toEqual(bytes)
  // Others have seen numbers after those of the backup: they must not go on from there.
  expect((await back(`/channels/${channel.id}`)).epoch).toBeGreaterThan(channel.epoch)
  expect(await back(`/channels/${channel.id}/messages`, { content: 'eland' })).toMatchObject({ seq: 4 })
}, 300_000)

test('after the database went back in time, every channel begins an epoch that nobody has seen', async () => {
  const epochs = () =>
    databaseIn(state)
      .prepare('SELECT epoch FROM channels')
      .all()
      .map(({ epoch }) => Number(epoch))
  const startedAt = Math.floor(Date.now() / 1_000)
  expect(epochs()).toContain(1)
  const { code, output } = await run('channels-epoch', ['--persist-to', state])
  expect({ code, output }).toEqual({ code: 0, output: 'Every channel has begun another epoch.' })
  for (const epoch of epochs()) expect(epoch).toBeGreaterThanOrEqual(startedAt)
})

test('a backup that is not whole is refused', async () => {
  const snapshot = new DatabaseSync(join(newest(), 'database.sqlite'))
  snapshot.exec("UPDATE messages SET content = content || '.' WHERE rowid = 1")
  snapshot.close()
  const changed = await run('restore', ['--from', newest(), '--persist-to', join(folder, 'refused')])
  expect(changed).toEqual({ code: 1, output: 'database.sqlite is not as it was written: messages.' })
  rmSync(join(newest(), 'manifest.json'))
  const cut = await run('restore', ['--from', newest(), '--persist-to', join(folder, 'refused')])
  expect(cut).toEqual({ code: 1, output: expect.stringContaining('is no whole backup') })
})

async function importLong(token: string): Promise<void> {
  const lines = [
    { type: 'parley.export', version: 1 },
    { type: 'conversation', id: 'c', title: 'Long', head_id: 'm' },
    { type: 'message', id: 'm', conversation_id: 'c', parent_id: null, role: 'user', content: LONG },
    { type: 'end' },
  ]
  const response = await fetch(`${server.url}/api/v1/import`, {
    method: 'POST',
    body: lines.map((line) => JSON.stringify(line)).join('\n'),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
  })
  expect(await response.json()).toMatchObject({ messages: { imported: 1 } })
}

/** The folder of the one backup; the objects of all are beside it. */
const newest = () => join(backups, readdirSync(backups).find((name) => name.startsWith('2'))!)

const open = (token: string, path: string, body?: object) =>
  fetch(`${server.url}/api/v1${path}`, {
    method: body ? 'POST' : 'GET',
    body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })

/** Somebody who was there before. */
async function signInAs(username: string) {
  const response = await open('', '/auth/login', { username, password: 'correct-horse-battery' })
  const { access_token: token } = (await response.json()) as { access_token: string }
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  const ask = async (path: string, body?: object): Promise<any> => (await open(token, path, body)).json()
  return Object.assign(ask, { token })
}

const D1 = 'v3/d1/miniflare-D1DatabaseObject'

/** The file behind a local database. */
function databaseIn(persistTo: string): DatabaseSync {
  const name = readdirSync(join(persistTo, D1)).find((file) => file.endsWith('.sqlite') && !file.startsWith('metadata'))
  return new DatabaseSync(join(persistTo, D1, name!), { readOnly: true })
}

/** Of every table, those of the searches as well. */
function countRows(persistTo: string): Record<string, number> {
  const database = databaseIn(persistTo)
  const tables = database
    .prepare(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT GLOB '_cf_*'",
    )
    .all()
    .map(({ name }) => String(name))
  const count = (table: string) => Number(database.prepare(`SELECT count(*) AS n FROM "${table}"`).get()!.n)
  return Object.fromEntries(tables.map((table) => [table, count(table)]))
}
