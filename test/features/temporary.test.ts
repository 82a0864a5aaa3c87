import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { countOf, countTo, eventsOf, runChores, type SignedIn, signIn, signInAdmin } from '../support/client.ts'
import { booksOf } from '../support/plans.ts'
import { script } from '../support/upstream.ts'

const offline = { model: 'parley-offline' }
const DAY_MS = 86_400_000
const tomorrow = () => new Date(Date.now() + DAY_MS + 1_000)

const startTemporary = async (user: SignedIn) => (await user('POST', '/conversations', { temporary: true })).body

const expire = async (id: string) => {
  await env.DB.prepare('UPDATE conversations SET expires_at = ? WHERE id = ?')
    .bind(Date.now() - 1, id)
    .run()
}

test('a temporary conversation is metered, is in no list, and lives a day longer with every message', async () => {
  const ada = await signIn()
  const made = await startTemporary(ada)
  expect(made).toMatchObject({ temporary: true, archived: false })
  expect(Date.parse(made.expires_at)).toBe(Date.parse(made.created_at) + DAY_MS)
  const path = `/conversations/${made.id}`
  const reply = await ada('POST', `${path}/messages`, { content: 'Between us', ...offline })
  expect(reply.status).toBe(201)
  const after = (await ada('GET', path)).body
  expect(after.messages).toHaveLength(2)
  expect(Date.parse(after.expires_at)).toBe(Date.parse(after.updated_at) + DAY_MS)
  expect((await booksOf(ada)).used).toMatchObject({ messages: 1 })
  for (const query of ['', '?archived=true', '?pinned=true']) {
    expect((await ada('GET', `/conversations${query}`)).body).toEqual([])
  }
  const admin = await signInAdmin()
  expect((await admin('GET', `/admin/users/${ada.user.id}/chats`)).body).toEqual([])
  expect((await ada('GET', '/users/me/export')).body).not.toContain('Between us')
})

test('a temporary conversation is for good: neither kept, nor put in order, nor shared', async () => {
  const ada = await signIn()
  const project_id = (await ada('POST', '/projects', { name: 'Thesis' })).body.id
  const made = await startTemporary(ada)
  const path = `/conversations/${made.id}`
  for (const given of [{ pinned: true }, { archived: true }, { tags: ['a'] }, { project_id }]) {
    const [field] = Object.keys(given)
    const refused = await ada('POST', '/conversations', { temporary: true, ...given })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: `/${field}` }] } })
    expect(await ada('PATCH', path, given)).toMatchObject({ status: 409, body: { code: 'conflict' } })
  }
  expect(await ada('POST', `${path}/shares`, {})).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect((await ada('PATCH', path, { temporary: false })).status).toBe(422)
  const nothing = {
    title: 'Named',
    instructions: 'Be brief',
    pinned: false,
    archived: false,
    tags: [],
    project_id: null,
  }
  expect((await ada('PATCH', path, nothing)).body).toEqual({ ...made, title: 'Named', instructions: 'Be brief' })
  expect((await ada('GET', '/conversations')).body).toEqual([])
})

test('an expired one looks missing at once, and the chore removes it with everything, and no other', async () => {
  const ada = await signIn()
  const made = await startTemporary(ada)
  const path = `/conversations/${made.id}`
  await ada('POST', `${path}/messages`, { content: 'Between us', ...offline })
  const { body: kept } = await ada('POST', '/chat', { message: 'Keep me', ...offline })
  const fresh = await startTemporary(ada)
  await expire(made.id)
  const answers = [
    await ada('GET', path),
    await ada('PATCH', path, { title: 'Mine' }),
    await ada('GET', `${path}/messages`),
    await ada('POST', `${path}/messages`, { content: 'Hi', ...offline }),
    await ada('POST', `${path}/messages`, { content: 'Hi', reply: false }),
    await ada('POST', '/chat', { message: 'Hi', chat_id: made.id, ...offline }),
  ]
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
  await runChores()
  expect(await countOf('conversations WHERE id = ?', made.id)).toBe(0)
  expect(await countOf('messages WHERE conversation_id = ?', made.id)).toBe(0)
  expect(await countOf('runs WHERE conversation_id = ?', made.id)).toBe(0)
  expect(await countOf('usage_ledger WHERE conversation_id = ?', made.id)).toBe(1)
  expect((await ada('GET', `/conversations/${kept.chat_id}`)).body.messages).toHaveLength(2)
  expect((await ada('GET', `/conversations/${fresh.id}`)).status).toBe(200)
})

test('a reply that is being written in an expired one is left until it ends', async () => {
  const ada = await signIn()
  const { id } = await startTemporary(ada)
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const stream = await ada.open('POST', `/conversations/${id}/messages`, {
    content: prompt,
    stream: true,
    model: 'gpt-4o-mini',
  })
  await runChores(tomorrow())
  expect(await countOf('conversations WHERE id = ?', id)).toBe(1)
  await eventsOf(stream)
  await runChores(tomorrow())
  expect(await countOf('conversations WHERE id = ?', id)).toBe(0)
})

test('one run of the chore removes many, and of a long one as much as it may', async () => {
  const ada = await signIn()
  const ids = countTo(250).map(() => crypto.randomUUID())
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO conversations (id, user_id, state, expires_at, created_at, updated_at)
       SELECT value, ?1, 'temporary', 1, 1, 1 FROM json_each(?2)`,
    ).bind(ada.user.id, JSON.stringify(ids)),
    env.DB.prepare(
      `INSERT INTO messages (id, conversation_id, depth, role, content, status, tokens, created_at, updated_at)
       SELECT ?1 || '-' || value, ?1, value, 'user', 'Hi', 'completed', 1, 1, 1 FROM json_each(?2)`,
    ).bind(ids[0]!, JSON.stringify(countTo(5_000))),
  ])
  await runChores()
  expect(await countOf('conversations WHERE user_id = ?', ada.user.id)).toBe(0)
})
