import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, expect, test } from 'vitest'
import { register } from '../../src/features/auth/service/accounts.ts'
import { newCtx } from '../../src/http/context.ts'
import { cellOf, newIdIn } from '../../src/lib/ids.ts'
import { client, eventsOf, PASSWORD, runChores, startConversation, textOf, until } from '../support/client.ts'

// Two databases, and people in either (docs/scale.md).
const { DB_1 } = env as unknown as { DB_1: D1Database }
const DATABASES = [env.DB, DB_1]

beforeAll(async () => applyD1Migrations(DB_1, env.TEST_MIGRATIONS))

/** A fresh user in a cell. Which one new people are put in is not decided anywhere yet. */
async function signInTo(cell: number) {
  const ctx = newCtx(env, { owner: newIdIn(cell), log: () => {}, now: new Date(), waitUntil: () => {} })
  const given = { username: `u${crypto.randomUUID().slice(0, 12)}`, password: PASSWORD }
  const { user, accessToken } = await register(ctx, given, { device: null, ipHash: null })
  return Object.assign(client(accessToken), { id: user.id })
}

const NAMES =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '*_cf_*' AND name NOT GLOB '*_search*' AND name <> 'd1_migrations'"

/** How many rows of each table were added to both databases while `work` went on; tables without any are left out. */
async function addedBy(work: () => Promise<unknown>): Promise<Record<string, number>[]> {
  const before = await countRows()
  await work()
  const after = await countRows()
  return after.map((counts, cell) =>
    Object.fromEntries(
      Object.entries(counts)
        .map(([name, count]) => [name, count - before[cell]![name]!] as const)
        .filter(([, added]) => added !== 0),
    ),
  )
}

const countRows = () =>
  Promise.all(
    DATABASES.map(async (d1) => {
      const { results } = await d1.prepare(NAMES).all<{ name: string }>()
      const counts = await d1.batch<{ n: number }>(
        results.map(({ name }) => d1.prepare(`SELECT count(*) AS n FROM "${name}"`)),
      )
      return Object.fromEntries(results.map(({ name }, at) => [name, counts[at]!.results[0]!.n]))
    }),
  )

test.for([0, 1])(
  'all that somebody in cell %i does, and what objects write for them, is in their database',
  async (cell) => {
    const ada = await signInTo(cell)
    expect(cellOf(ada.id)).toBe(cell)
    const added = await addedBy(async () => {
      const id = await startConversation(ada)
      const stream = await ada.open(
        'POST',
        `/conversations/${id}/messages`,
        { content: 'Hello' },
        {
          headers: { accept: 'text/event-stream' },
        },
      )
      const events = await eventsOf(stream)
      expect(events.at(-1)?.event).toBe('run.completed')
      const run = events[0]!.data.run_id
      expect([cellOf(id), cellOf(run)]).toEqual([cell, cell])
      expect(await eventsOf(await ada.open('GET', `/runs/${run}/events`))).toEqual(events)
      const { body } = await ada('GET', `/conversations/${id}`)
      expect(body.messages).toMatchObject([{ content: 'Hello' }, { content: textOf(events), status: 'completed' }])
      const file = await ada('PUT', '/upload?filename=a.txt', undefined, { raw: 'text' })
      expect(file.status).toBe(201)
      const channel = await ada('POST', '/channels', { name: 'Everything', visibility: 'public' })
      expect(channel.status).toBe(201)
      for (const content of ['one', 'two']) {
        expect((await ada('POST', `/channels/${channel.body.id}/messages`, { content })).status).toBe(201)
      }
      const { body: heard } = await ada('GET', `/channels/${channel.body.id}/messages`)
      expect(heard.map(({ seq }: { seq: number }) => seq)).toHaveLength(2)
    })
    expect(added[1 - cell]).toEqual({})
    expect(added[cell]).toMatchObject({
      conversations: 1,
      messages: 2,
      runs: 1,
      files: 1,
      channels: 1,
      channel_messages: 2,
    })
  },
)

test('nobody sees what is in the other database, or reaches it by its id', async () => {
  const [ada, bob] = [await signInTo(0), await signInTo(1)]
  const id = await startConversation(ada)
  const added = await addedBy(async () => {
    for (const [method, path, body] of [
      ['GET', `/conversations/${id}`],
      ['POST', `/conversations/${id}/messages`, { content: 'Hello' }],
      ['DELETE', `/conversations/${id}`],
    ] as const) {
      expect(await bob(method, path, body)).toMatchObject({ status: 404 })
    }
    expect((await bob('GET', '/conversations')).body).toEqual([])
  })
  expect(added).toEqual([{}, {}])
})

test('the cron looks after both, and keeps the files of both', async () => {
  const people = [await signInTo(0), await signInTo(1)]
  const files = await Promise.all(
    people.map(async (user) => (await user('PUT', '/upload?filename=a.txt', undefined, { raw: 'text' })).body.id),
  )
  const temporary = await Promise.all(
    people.map(async (user) => (await user('POST', '/conversations', { temporary: true })).body.id),
  )
  const later = new Date(Date.now() + 2 * 86_400_000)
  later.setUTCMinutes(0)
  await runChores(later)
  for (const [cell, user] of people.entries()) {
    expect((await user('GET', `/files/${files[cell]}/content`)).body).toBe('text')
    await until(async () => (await user('GET', `/conversations/${temporary[cell]}`)).status === 404)
    const row = DATABASES[cell]!.prepare('SELECT id FROM conversations WHERE id = ?').bind(temporary[cell])
    expect(await row.first()).toBeNull()
  }
})

test('an id of a cell that there is not is one that nobody has', async () => {
  const ada = await signInTo(0)
  expect((await ada('GET', `/conversations/${newIdIn(7)}`)).status).toBe(404)
  expect((await ada('GET', `/channels/${newIdIn(7)}`)).status).toBe(404)
})
