import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { newChatbot, newKey } from '../support/chatbots.ts'
import { countOf, countTo, type SignedIn, signIn, signInAdmin } from '../support/client.ts'

// biome-ignore lint/suspicious/noExplicitAny: lines of every type
type Line = { type: string } & Record<string, any>

async function linesOf(user: SignedIn): Promise<Line[]> {
  const { status, body } = await user('GET', '/users/me/export')
  expect(status).toBe(200)
  return body
    .trimEnd()
    .split('\n')
    .map((line: string) => JSON.parse(line))
}

const ofType = (lines: Line[], type: string) => lines.filter((line) => line.type === type)

/** A conversation with `n` messages of `size` characters. */
async function addConversation(user: SignedIn, n: number, size = 2): Promise<void> {
  const id = crypto.randomUUID()
  await env.DB.batch([
    env.DB.prepare('INSERT INTO conversations (id, user_id, created_at, updated_at) VALUES (?, ?, ?3, ?3)').bind(
      id,
      user.user.id,
      Date.now(),
    ),
    env.DB.prepare(
      `INSERT INTO messages (id, conversation_id, depth, role, content, status, tokens, created_at, updated_at)
       SELECT ?1 || printf('%06d', value), ?1, value, 'user', ?2, 'completed', 1, 1, 1 FROM json_each(?3)`,
    ).bind(id, 'x'.repeat(size), JSON.stringify(countTo(n))),
  ])
}

test('an export has everything that is held about its user, and nothing of anybody else', async () => {
  const [ada, bob, admin] = [await signIn(), await signIn(), await signInAdmin()]
  const { body: chat } = await ada('POST', '/chat', { message: 'My secret plan', model: 'parley-offline' })
  const { body: project } = await ada('POST', '/projects', { name: 'Thesis', instructions: 'Be brief' })
  const put = { project_id: project.id, tags: ['a'], pinned: true, instructions: 'In French' }
  await ada('PATCH', `/conversations/${chat.chat_id}`, put)
  const feedback = { rating: 'down', comment: 'Too long' }
  await ada('PATCH', `/messages/${chat.message_id}`, { feedback })
  const { body: share } = await ada('POST', `/conversations/${chat.chat_id}/shares`, { expires_in: 3_600 })
  const { body: file } = await ada('PUT', '/upload?filename=notes.txt', undefined, { raw: 'Notes' })
  const llm_api_key = `sk-${crypto.randomUUID()}`
  const bot = await newChatbot(ada, { llm_endpoint_url: 'https://api.example.com', llm_api_key })
  const { key: secret, ...key } = await newKey(ada, bot.id)
  await ada('PATCH', `/chatbots/${bot.id}`, { instructions: 'Be brief' })
  await ada('DELETE', `/chatbots/${(await newChatbot(ada)).id}`)
  await newChatbot(bob, { name: 'Not hers' })
  await bob('POST', '/chat', { message: 'Not hers', model: 'parley-offline' })
  await bob('PUT', '/upload?filename=his.txt', undefined, { raw: 'Not hers' })
  await admin('PATCH', `/admin/users/${ada.user.id}`, { plan: 'pro' })
  await admin('GET', `/admin/chats/${chat.chat_id}/messages`)
  const lines = await linesOf(ada)
  expect(lines.map(({ type }) => type)).toEqual([
    'account',
    'session',
    'project',
    'conversation',
    'message',
    'message',
    'audit',
    'share',
    'shared_message',
    'shared_message',
    'chatbot',
    'chatbot_version',
    'chatbot_version',
    'api_key',
    'chatbot',
    'chatbot_version',
    'file',
    'run',
    'usage',
    'audit',
    'audit',
    'audit',
    'audit',
    'end',
  ])
  expect(ofType(lines, 'account')).toMatchObject([{ ...ada.user, plan: 'pro', is_active: true }])
  expect(ofType(lines, 'conversation')).toMatchObject([{ id: chat.chat_id, ...put }])
  expect(ofType(lines, 'message').map(({ role, content }) => [role, content])).toEqual([
    ['user', 'My secret plan'],
    ['assistant', chat.response],
  ])
  expect(ofType(lines, 'message')[1]).toMatchObject({ model: 'parley-offline', sources: [], feedback })
  const { conversations: _, ...fields } = project
  expect(ofType(lines, 'project')).toEqual([{ type: 'project', ...fields }])
  const { token, url, ...shown } = share
  expect(ofType(lines, 'share')).toEqual([{ type: 'share', ...shown }])
  expect(ofType(lines, 'shared_message')).toMatchObject([
    { share_id: share.id, place: 1, content: 'My secret plan' },
    { share_id: share.id, place: 2, content: chat.response },
  ])
  expect(ofType(lines, 'chatbot')).toMatchObject([
    { id: bot.id, version: 2, deleted_at: null },
    { deleted_at: expect.any(String) },
  ])
  expect(ofType(lines, 'chatbot_version')).toMatchObject([
    { chatbot_id: bot.id, version: 1, instructions: null },
    { chatbot_id: bot.id, version: 2, instructions: 'Be brief' },
    { version: 1 },
  ])
  expect(ofType(lines, 'api_key')).toEqual([{ type: 'api_key', ...key }])
  expect(ofType(lines, 'file')).toEqual([{ type: 'file', ...file }])
  expect(ofType(lines, 'run')).toMatchObject([{ id: chat.run_id, status: 'completed', message_id: chat.message_id }])
  expect(ofType(lines, 'usage')).toMatchObject([{ run_id: chat.run_id, messages: 1 }])
  expect(ofType(lines, 'audit').map(({ action, by }) => [action, by])).toEqual([
    ['conversation.read', 'administrator'],
    ['user.plan_changed', 'administrator'],
    ['user.exported', 'you'],
    ['api_key.created', 'you'],
    ['chatbot.deleted', 'you'],
  ])
  expect(lines.at(-1)).toEqual({ type: 'end', lines: lines.length - 1 })
  const text = JSON.stringify(lines)
  for (const foreign of [
    'Not hers',
    token,
    url,
    secret,
    llm_api_key,
    'sealed',
    bob.user.id,
    admin.user.id,
    'password',
    'hash":"$',
  ])
    expect(text).not.toContain(foreign)
})

test('an export is a download, and is recorded', async () => {
  const ada = await signIn()
  const response = await ada.open('GET', '/users/me/export')
  expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
  expect(response.headers.get('content-disposition')).toBe('attachment; filename="parley-export.ndjson"')
  expect(response.headers.get('cache-control')).toBe('no-store')
  await response.body?.cancel()
  expect(await countOf("audit_log WHERE action = 'user.exported' AND target_id = ?", ada.user.id)).toBe(1)
})

test('every message is in it once, whether there are many conversations, many messages or long ones', async () => {
  const ada = await signIn()
  for (const _ of countTo(45)) await addConversation(ada, 3)
  await addConversation(ada, 1_203)
  await addConversation(ada, 12, 250_000)
  await addConversation(ada, 0)
  const lines = await linesOf(ada)
  const ids = ofType(lines, 'message').map(({ id }) => id)
  expect(ids).toHaveLength(45 * 3 + 1_203 + 12)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ofType(lines, 'conversation')).toHaveLength(48)
  expect(lines.at(-1)).toEqual({ type: 'end', lines: lines.length - 1 })
})

test('an export that breaks off says so in the place of its end', async () => {
  const ada = await signIn()
  await addConversation(ada, 1)
  await env.DB.prepare('ALTER TABLE messages RENAME TO messages_away').run()
  const lines = await linesOf(ada).finally(() => env.DB.prepare('ALTER TABLE messages_away RENAME TO messages').run())
  expect(lines.at(-1)).toMatchObject({ type: 'error' })
  expect(ofType(lines, 'end')).toEqual([])
})
