import { env } from 'cloudflare:workers'
import { is } from 'drizzle-orm'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { expect, test } from 'vitest'
import * as schema from '../../src/db/schema/index.ts'
import { deleteAccount } from '../../src/features/users/service/deletion.ts'
import { newChatbot, newKey } from '../support/chatbots.ts'
import {
  client,
  countOf,
  countTo,
  eventsOf,
  one,
  PASSWORD,
  runChores,
  type SignedIn,
  signIn,
  signInAdmin,
  startConversation,
} from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'
import { script } from '../support/upstream.ts'

const anyone = client()
const login = (email: string) => anyone('POST', '/auth/login', { email, password: PASSWORD })
const chat = (user: SignedIn) => user('POST', '/chat', { message: 'Remember me', model: 'parley-offline' })

/** What outlives an account: it holds ids and numbers, never text or names. */
const KEPT = ['audit_log', 'quota_periods', 'usage_days', 'usage_ledger']

/** Where rows of a user are, over all tables that have a column for one. */
async function tracesOf(userId: string): Promise<string[]> {
  const columns = Object.values(schema)
    .filter((each) => is(each, SQLiteTable))
    .flatMap((table) => getTableConfig(table).columns.map(({ name }) => [getTableConfig(table).name, name] as const))
    .filter(([, column]) => /^(userId|ownerId|actorId|targetId|scope|subject)$/.test(column))
  expect(columns.length).toBeGreaterThan(6)
  const traces = await Promise.all(
    columns.map(async ([table, column]) => {
      const name = column.replace('Id', '_id')
      return (await countOf(`"${table}" WHERE "${name}" IN (?, ?)`, userId, `user:${userId}`)) > 0 ? [table] : []
    }),
  )
  return [...new Set(traces.flat())].sort()
}

test('a deleted account leaves nothing but the ledger and the audit log, and says how much is gone', async () => {
  const ada = await signIn()
  await chat(ada)
  const { body } = await chat(ada)
  const project_id = (await ada('POST', '/projects', { name: 'Thesis' })).body.id
  await ada('PATCH', `/conversations/${body.chat_id}`, { project_id, tags: ['a', 'b'] })
  const { body: share } = await ada('POST', `/conversations/${body.chat_id}/shares`)
  const endpoint = { llm_endpoint_url: 'https://api.example.com', llm_api_key: crypto.randomUUID() }
  const [bot, gone] = [await newChatbot(ada, endpoint), await newChatbot(ada)]
  for (const { id } of [bot, gone]) await newKey(ada, id)
  await ada('PATCH', `/chatbots/${bot.id}`, { instructions: 'Remember me' })
  await ada('DELETE', `/chatbots/${gone.id}`)
  await ada('POST', '/conversations', { temporary: true }, { headers: { 'idempotency-key': crypto.randomUUID() } })
  await login(ada.user.email)
  const closed = await ada('DELETE', '/users/me')
  expect(closed).toMatchObject({
    status: 200,
    body: { complete: true, conversations: 3, messages: 4, files: 0, sessions: 2 },
  })
  expect(await tracesOf(ada.user.id)).toEqual(KEPT)
  expect(await countOf('messages WHERE conversation_id = ?', body.chat_id)).toBe(0)
  for (const table of ['chatbot_versions', 'chatbot_secrets', 'api_keys']) {
    expect([table, await countOf(`${table} WHERE chatbot_id IN (?, ?)`, bot.id, gone.id)]).toEqual([table, 0])
  }
  expect(await countOf('shared_messages WHERE share_id = ?', share.id)).toBe(0)
  expect(await one('SELECT * FROM users WHERE id = ?', ada.user.id)).toMatchObject({
    email: null,
    username: `deleted-${ada.user.id}`,
    display_name: 'Deleted user',
    password_hash: '',
  })
})

test('a deleted user is signed out at once, and their names are free', async () => {
  const ada = await signIn()
  await ada('GET', '/users/me')
  await ada('DELETE', `/users/${ada.user.id}`)
  expect((await ada('GET', '/users/me')).status).toBe(401)
  expect((await ada('DELETE', '/users/me')).status).toBe(401)
  expect((await anyone('POST', '/auth/refresh', { refresh_token: ada.tokens.refresh_token })).status).toBe(401)
  expect((await login(ada.user.email)).status).toBe(401)
  const { email, username } = ada.user
  const again = await anyone('POST', '/auth/register', { email, username, password: PASSWORD })
  expect(again.status).toBe(201)
  expect(again.body.user.id).not.toBe(ada.user.id)
})

test('a session that ended elsewhere deletes nothing, though it is still believed here', async () => {
  const ada = await signIn()
  await ada('GET', '/users/me')
  await env.DB.prepare('UPDATE sessions SET revoked_at = 1 WHERE user_id = ?').bind(ada.user.id).run()
  expect((await ada('DELETE', '/users/me')).status).toBe(401)
  expect((await login(ada.user.email)).status).toBe(200)
})

test('an admin deletes somebody, who is then in no list and cannot be brought back', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  await chat(bob)
  expect(await admin('DELETE', `/admin/users/${bob.user.id}`)).toMatchObject({ status: 200, body: { messages: 2 } })
  expect((await admin('GET', `/users?search=${bob.user.username}`)).body).toEqual([])
  expect((await admin('GET', '/users?search=deleted')).body).toEqual([])
  const path = `/admin/users/${bob.user.id}`
  const answers = [
    await admin('DELETE', path),
    await admin('PATCH', path, { is_active: true }),
    await admin('PATCH', `${path}/role`, { role: 'admin' }),
    await admin('GET', `${path}/chats`),
    await admin('GET', `/users/${bob.user.id}`),
    await admin('PATCH', `/users/${bob.user.id}`, { display_name: 'Bob' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
  const { body: log } = await admin('GET', `/admin/audit?target_id=${bob.user.id}`)
  expect(log).toMatchObject([{ action: 'user.deleted', actor_id: admin.user.id, outcome: 'done' }])
})

test('a reply that is being written is stopped and counted before it goes', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ text: 'Once upon a time' }, { hang: true }])
  const id = await startConversation(ada)
  const stream = await ada.open('POST', `/conversations/${id}/messages`, {
    content: prompt,
    model: 'gpt-4o-mini',
    stream: true,
  })
  const events = eventsOf(stream)
  expect((await ada('DELETE', '/users/me')).body).toMatchObject({ complete: true, conversations: 1, messages: 2 })
  const run = await one<{ status: string }>('SELECT status FROM usage_ledger WHERE user_id = ?', ada.user.id)
  expect(run).toEqual({ status: 'cancelled' })
  expect((await events).at(-1)).toMatchObject({ event: 'run.cancelled' })
})

test('of much a part goes with the request and the rest with the cron', async () => {
  const ada = await signIn()
  const ids = countTo(600).map(() => crypto.randomUUID())
  await env.DB.batch([
    env.DB.prepare(
      'INSERT INTO conversations (id, user_id, created_at, updated_at) SELECT value, ?1, key, key FROM json_each(?2)',
    ).bind(ada.user.id, JSON.stringify(ids)),
    env.DB.prepare(
      `INSERT INTO messages (id, conversation_id, depth, role, content, status, tokens, created_at, updated_at)
       SELECT 'm' || value, value, 1, 'user', 'Hi', 'completed', 1, key, key FROM json_each(?)`,
    ).bind(JSON.stringify(ids)),
  ])
  const { body } = await ada('DELETE', '/users/me')
  expect(body).toMatchObject({ complete: false, conversations: 250, messages: 250 })
  const in61Seconds = new Date(Date.now() + 61_000)
  await runChores(new Date(Date.now() + 30_000))
  expect(await countOf('conversations WHERE user_id = ?', ada.user.id)).toBe(350)
  for (const _minute of countTo(3)) await runChores(in61Seconds)
  expect(await tracesOf(ada.user.id)).toEqual(['audit_log'])
  expect(await one('SELECT purged_at FROM users WHERE id = ?', ada.user.id)).toEqual({
    purged_at: in61Seconds.getTime(),
  })
})

test('what a session that was still believed made in the last seconds goes too', async () => {
  const ada = await signIn()
  await ada('DELETE', '/users/me')
  await env.DB.prepare('INSERT INTO conversations (id, user_id, created_at, updated_at) VALUES (?, ?, 1, 1)')
    .bind(crypto.randomUUID(), ada.user.id)
    .run()
  await runChores(new Date(Date.now() + 61_000))
  expect(await countOf('conversations WHERE user_id = ?', ada.user.id)).toBe(0)
})

test('a reply that cannot be stopped now keeps nobody from closing the account, and goes later', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const id = await startConversation(ada)
  const events = eventsOf(await ada.open('POST', `/conversations/${id}/messages`, { content: prompt, stream: true }))
  const { ctx } = ctxOf(ada)
  const runners = { getByName: () => ({ cancel: () => Promise.reject(new Error('no runner')) }) }
  const removal = await deleteAccount({ ...ctx, runners: runners as unknown as Env['RUNNER'] }, ada.user.id)
  expect(removal).toMatchObject({ complete: false, conversations: 0 })
  expect((await ada('GET', '/users/me')).status).toBe(401)
  await runChores(new Date(Date.now() + 61_000))
  expect(await countOf('conversations WHERE user_id = ?', ada.user.id)).toBe(0)
  expect((await events).at(-1)).toMatchObject({ event: 'run.cancelled' })
})
