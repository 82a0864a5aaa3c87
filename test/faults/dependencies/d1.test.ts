import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { readEvents } from '../../../scripts/sse.ts'
import { callsOf, type Fault } from '../support/faults.ts'
import { inForm } from '../support/form.ts'
import type { Client } from '../support/insist.ts'
import { listen } from '../support/listeners.ts'
import { openSite, reply, type Site, type Told, told } from '../support/site.ts'
import { withD1 } from '../support/state.ts'

/** A client waits five seconds at the most when the database is away; the rest is for a busy machine. Without a bound it would be a minute. */
const ANSWER_MS = 8_000
/** And for the end of a reply that the database cannot take. */
const ENDING_MS = 8_000

let site: Site

beforeAll(async () => {
  site = await openSite()
})
afterEach(() => site.heal())
afterAll(() => site.close())

/** One of each thing that can be asked for, and what it is told while the database works. */
const asked = ({
  ada,
  visitor,
  gateway,
  conversation,
  channel,
  file,
}: Site): Record<string, [ask: () => Promise<Told>, status: number]> => {
  const content = 'Hello'
  const messages = [{ role: 'user', content }]
  const bytes = new Uint8Array(10)
  return {
    'a list': [() => told(ada, '/api/v1/conversations'), 200],
    'a reply': [() => told(ada, `/api/v1/conversations/${conversation}/messages`, { json: { content } }), 201],
    'a streamed reply': [
      () => told(ada, `/api/v1/conversations/${conversation}/messages`, { json: { content, stream: true } }),
      200,
    ],
    'a message': [
      () => told(ada, `/api/v1/conversations/${conversation}/messages`, { json: { content, reply: false } }),
      201,
    ],
    'a conversation': [() => told(ada, '/api/v1/conversations', { json: {} }), 201],
    'a completion': [() => told(gateway, '/v1/chat/completions', { json: { model: 'default', messages } }), 200],
    'a message in a channel': [() => told(ada, `/api/v1/channels/${channel}/messages`, { json: { content } }), 201],
    'the history of a channel': [() => told(ada, `/api/v1/channels/${channel}/messages`), 200],
    'a sign-in': [
      () => told(visitor, '/api/v1/auth/login', { json: { username: 'ada', password: 'correct-horse-battery' } }),
      200,
    ],
    'an upload': [() => told(ada, '/api/v1/upload?filename=b.bin', { method: 'PUT', bytes }), 201],
    'the content of a file': [() => told(ada, `/api/v1/files/${file}/content`), 200],
    'a ticket for a socket': [() => told(ada, '/api/v1/ws/tickets', { method: 'POST' }), 201],
  }
}

const count = (site: Site, table: string) =>
  withD1(site.server.state, (db) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!.n)
const countAll = (site: Site) =>
  ['messages', 'runs', 'conversations', 'files', 'channel_events', 'usage_ledger'].map((table) => count(site, table))

test.each<[string, Fault]>([
  ['down', { how: 'down' }],
  ['overloaded', { how: 'overloaded' }],
  ['silent', { how: 'silent' }],
])('while D1 is %s everything is 503 within 5 s, and works as soon as it is there again', async (_, d1) => {
  const asks = asked(site)
  const before = countAll(site)
  await site.fail({ d1 })
  const answers = await Promise.all(Object.entries(asks).map(async ([name, [ask]]) => [name, await ask()] as const))
  const health = await told(site.visitor, '/api/v1/health')
  const ready = await told(site.visitor, '/api/v1/ready')
  const wrong = answers.filter(
    ([, { status, ms, retryAfter }]) => status !== 503 || ms > ANSWER_MS || retryAfter === null,
  )
  expect(wrong.map(([name, { status, code, ms, retryAfter }]) => ({ name, status, code, ms, retryAfter }))).toEqual([])
  expect(health).toMatchObject({ status: 200 })
  expect(ready).toMatchObject({ status: 503 })
  expect(ready.ms).toBeLessThan(ANSWER_MS)
  await site.heal()
  expect(countAll(site)).toEqual(before)
  for (const [name, [ask, status]] of Object.entries(asks)) expect([name, (await ask()).status]).toEqual([name, status])
  await site.recovered()
})

test('a read that failed in passing is made once more, and one that D1 is too busy for is not', async () => {
  const trips = async (d1: Fault) => {
    await site.fail({ d1 })
    const { status } = await told(site.ada, '/api/v1/conversations')
    return [status, (await callsOf(site.server.url)).d1]
  }
  expect(await trips({ how: 'down' })).toEqual([503, 2])
  expect(await trips({ how: 'overloaded' })).toEqual([503, 1])
  expect(await trips({ how: 'down', times: 1 })).toEqual([200, 2])
})

test('while D1 is slow everything works, and takes longer', async () => {
  await site.fail({ d1: { how: 'slow', ms: 400 } })
  for (const [name, [ask, status]] of Object.entries(asked(site))) {
    const { status: found } = await ask()
    expect([name, found]).toEqual([name, status])
  }
  await site.heal()
  await site.recovered()
})

/** How one call of D1 fails, and how long after the answer to it D1 may still do something. */
const FAILING: [string, Fault, lateMs: number][] = [
  ['down', { how: 'down' }, 0],
  ['done without an answer', { how: 'answer lost' }, 0],
  // A second after everybody has stopped waiting for it, and has perhaps sent it again.
  ['done too late', { how: 'slow', ms: 5_000 }, 1_500],
]

/** What is sent, how it is answered when all is well, and what must be there once then. */
type Thing = {
  client: Client
  path: string
  ask: Parameters<Client['ask']>[1]
  statuses: number[]
  check: (body: object) => void
}

test.each(FAILING)(
  'whichever call of D1 is %s, what is sent under a key is done once',
  { timeout: 240_000 },
  async (_, d1, lateMs) => {
    const { ada, gateway, conversation } = site
    /** Sends what `thing` makes for each call that fails; and again, as clients do, when there was no answer. */
    const failingEach = async (short: number, long: number, thing: () => Thing) => {
      for (let after = 0; after < (lateMs === 0 ? long : inForm(short, long)); after++) {
        const { client, path, ask, statuses, check } = thing()
        await site.fail({ d1: { ...d1, after, times: 1 } })
        expect([...statuses, 503]).toContain((await told(client, path, ask)).status)
        await site.heal()
        const again = await client.ask(path, ask)
        expect(statuses).toContain(again.status)
        await sleep(lateMs)
        check(again.body)
      }
    }
    const key = () => ({ 'idempotency-key': crypto.randomUUID() })
    await failingEach(3, 6, () => {
      const { content, calls } = site.script(reply(3))
      const check = (body: object) => {
        expect(body).toMatchObject({ content: 'w1 w2 w3 ', status: 'completed' })
        expect([calls(), count(site, `messages WHERE content = '${content}'`)]).toEqual([1, 1])
      }
      const path = `/api/v1/conversations/${conversation}/messages`
      return { client: ada, path, ask: { json: { content }, headers: key() }, statuses: [201], check }
    })
    await failingEach(2, 4, () => {
      const { content, calls } = site.script(reply(3))
      const json = { model: 'default', messages: [{ role: 'user', content }] }
      const check = () => expect(calls()).toBe(1)
      return { client: gateway, path: '/v1/chat/completions', ask: { json, headers: key() }, statuses: [200], check }
    })
    await failingEach(2, 4, () => {
      const json = { content: 'Hi', nonce: crypto.randomUUID() }
      const check = () => expect(count(site, `channel_messages WHERE nonce = '${json.nonce}'`)).toBe(1)
      return {
        client: ada,
        path: `/api/v1/channels/${site.channel}/messages`,
        ask: { json },
        statuses: [200, 201],
        check,
      }
    })
    await failingEach(2, 4, () => {
      const before = Number(count(site, "files WHERE state = 'ready'"))
      const ask = { method: 'PUT', bytes: new Uint8Array([before % 256]), headers: key() }
      const check = () => expect(count(site, "files WHERE state = 'ready'")).toBe(before + 1)
      return { client: ada, path: '/api/v1/upload?filename=c.bin', ask, statuses: [201], check }
    })
    await site.recovered()
    await site.swept()
  },
)

test.each<[string, Fault]>([
  ['down', { how: 'down' }],
  ['silent', { how: 'silent' }],
])('a reply that ends while D1 is %s is told at once, and stored later, once', async (_, d1) => {
  const { content } = site.script(reply(20, 30))
  const path = `/api/v1/conversations/${site.conversation}/messages`
  const response = await site.ada.once(path, { json: { content, stream: true } })
  const events: { event: string; data: string }[] = []
  let failedAt = 0
  for await (const event of readEvents(response.body!)) {
    events.push(event)
    if (failedAt === 0 && event.event === 'message.delta') {
      failedAt = Date.now()
      await site.fail({ d1 })
    }
  }
  expect(Date.now() - failedAt).toBeLessThan(20 * 30 + ENDING_MS)
  expect(events.at(-1)!.event).toBe('run.completed')
  expect(JSON.parse(events.at(-1)!.data)).toMatchObject({ persisted: false })
  await site.heal()
  const recoveredMs = await site.recovered()
  console.log(`stored ${recoveredMs} ms after D1 was there again`)
  const run = response.headers.get('x-run-id')!
  expect((await site.ada.ask(`/api/v1/runs/${run}`)).body).toMatchObject({
    status: 'completed',
    usage: { output_tokens: 20 },
  })
  expect(count(site, `usage_ledger WHERE run_id = '${run}'`)).toBe(1)
})

test('sockets stay open while D1 is down, and what was sent meanwhile is there once afterwards', async () => {
  const listener = await listen(site.server.url, site.token)
  await listener.client.send(site.channel, 'Before')
  await site.fail({ d1: { how: 'down' } })
  let isSent = false
  const sending = listener.client.send(site.channel, 'Meanwhile', { nonce: 'meanwhile' }).then(() => (isSent = true))
  await sleep(3_000)
  expect(isSent).toBe(false)
  await site.heal()
  await sending
  expect(count(site, "channel_messages WHERE nonce = 'meanwhile'")).toBe(1)
  await expect.poll(() => withD1(site.server.state, listener.breaches)).toEqual([])
  listener.client.close()
})
