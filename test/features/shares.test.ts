import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { client, countOf, countTo, eventsOf, runChores, type SignedIn, signIn, signInAdmin } from '../support/client.ts'
import { script } from '../support/upstream.ts'

const anyone = client()
const offline = { model: 'parley-offline' }
const MINUTE_MS = 60_000

const chat = async (user: SignedIn, message = 'Hello') =>
  (await user('POST', '/chat', { message, ...offline })).body as {
    chat_id: string
    response: string
    message_id: string
  }

const share = async (user: SignedIn, conversation: string, given?: object) =>
  (await user('POST', `/conversations/${conversation}/shares`, given)).body

const read = (token: string, query = '') => anyone('GET', `/shared/${token}${query}`)

test('a link shows everybody what was said, and nothing of whose it is', async () => {
  const ada = await signIn()
  const { chat_id, response } = await chat(ada, 'My question')
  const made = await ada('POST', `/conversations/${chat_id}/shares`)
  expect(made).toMatchObject({
    status: 201,
    body: { conversation_id: chat_id, title: 'My question', expires_at: null },
  })
  expect(made.headers.get('server-timing')).toContain('trips=1')
  expect(made.body.url).toBe(`/app/shared/${made.body.token}`)
  const shown = await read(made.body.token)
  expect(shown.body).toEqual({
    title: 'My question',
    created_at: made.body.created_at,
    messages: [
      { place: 1, role: 'user', content: 'My question', model: null, sources: [], created_at: expect.any(String) },
      { place: 2, role: 'assistant', content: response, ...offline, sources: [], created_at: expect.any(String) },
    ],
  })
  expect(Object.fromEntries(shown.headers)).toMatchObject({
    'x-robots-tag': 'noindex',
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
    'ratelimit-policy': '"public";q=120;w=60',
  })
  expect(shown.headers.get('server-timing')).toContain('trips=1')
  for (const hers of [ada.user.id, ada.user.username, chat_id, made.body.id]) {
    expect(JSON.stringify(shown.body)).not.toContain(hers)
  }
})

test('a copy stays as it was, whatever is said, deleted or renamed later', async () => {
  const ada = await signIn()
  const { chat_id, message_id } = await chat(ada)
  const { token } = await share(ada, chat_id)
  const before = (await read(token)).body
  await ada('POST', `/conversations/${chat_id}/messages`, { content: 'More', ...offline })
  await ada('PATCH', `/conversations/${chat_id}`, { title: 'Renamed' })
  await ada('DELETE', `/messages/${message_id}`)
  expect((await read(token)).body).toEqual(before)
  expect((await read((await share(ada, chat_id)).token)).body).toMatchObject({
    title: 'Renamed',
    messages: [{ place: 1 }],
  })
})

test('only the active branch is copied, and of it only what is finished', async () => {
  const ada = await signIn()
  const { chat_id, message_id } = await chat(ada, 'One')
  const path = `/conversations/${chat_id}/messages`
  await ada('POST', path, { content: 'Other branch', ...offline })
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const asked = { content: prompt, parent_id: message_id, stream: true, model: 'gpt-4o-mini' }
  const stream = await ada.open('POST', path, asked)
  const shown = (await read((await share(ada, chat_id)).token)).body
  expect(shown.messages.map(({ content }: { content: string }) => content.split('\n')[0])).toEqual([
    'One',
    expect.any(String),
    prompt,
  ])
  expect(shown.messages.map(({ place }: { place: number }) => place)).toEqual([1, 2, 3])
  const events = eventsOf(stream)
  await ada('DELETE', `/conversations/${chat_id}`)
  await events
})

test('a copy has the newest 1,000 messages, page by page', async () => {
  const ada = await signIn()
  const { chat_id } = await chat(ada)
  await addMessages(chat_id, 1_100)
  const { token } = await share(ada, chat_id)
  const contents: string[] = []
  for (let path: string | undefined = `/shared/${token}?limit=100`; path; ) {
    const { body, headers } = await anyone('GET', path)
    contents.push(...body.messages.map(({ content }: { content: string }) => content))
    path = /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1]
  }
  expect(contents).toEqual(
    countTo(1_100)
      .slice(100)
      .map((n) => `No ${n}`),
  )
  expect((await read(token, '?cursor=garbage')).status).toBe(422)
})

/** A chain of messages that ends at the head. */
async function addMessages(conversation: string, n: number): Promise<void> {
  const { results } = await env.DB.prepare('SELECT head_id FROM conversations WHERE id = ?').bind(conversation).all()
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO messages (id, conversation_id, parent_id, depth, role, content, status, tokens, created_at, updated_at)
       SELECT ?1 || '-' || value, ?1, iif(value = 1, ?2, ?1 || '-' || CAST(value - 1 AS INTEGER)), value + 2, 'user', 'No ' || value,
         'completed', 1, 1, 1 FROM json_each(?3)`,
    ).bind(conversation, results[0]!.head_id, JSON.stringify(countTo(n))),
    env.DB.prepare("UPDATE conversations SET head_id = id || '-' || CAST(?2 AS INTEGER) WHERE id = ?1").bind(
      conversation,
      n,
    ),
  ])
}

test('a revoked, an expired and a missing link are all 404 with the same words', async () => {
  const ada = await signIn()
  const { chat_id } = await chat(ada)
  const [revoked, expired] = [await share(ada, chat_id), await share(ada, chat_id, { expires_in: 60 })]
  expect(new Date(expired.expires_at).getTime()).toBe(new Date(expired.created_at).getTime() + MINUTE_MS)
  expect((await ada('DELETE', `/shares/${revoked.id}`)).status).toBe(204)
  expect((await ada('DELETE', `/shares/${revoked.id}`)).status).toBe(404)
  await env.DB.prepare('UPDATE shares SET expires_at = ? WHERE id = ?')
    .bind(Date.now() - 1, expired.id)
    .run()
  const details = new Set<string>()
  for (const token of [revoked.token, expired.token, 'x'.repeat(43), 'short', '%00', `${revoked.token}%27`]) {
    const { status, body } = await read(token)
    expect([token, status]).toEqual([token, 404])
    details.add(JSON.stringify({ ...body, request_id: '' }))
  }
  expect(details.size).toBe(1)
  expect((await ada('GET', '/shares')).body).toEqual([])
  expect((await ada('DELETE', `/shares/${expired.id}`)).status).toBe(404)
  expect(await countOf('shared_messages WHERE share_id = ?', revoked.id)).toBe(0)
})

test('links are listed to their owner alone, who alone can revoke them', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const { chat_id } = await chat(ada)
  const made: { id: string; token: string }[] = []
  for (const _ of countTo(3)) made.unshift(await share(ada, chat_id))
  const first = await ada('GET', '/shares?limit=2')
  expect(first.body).toEqual(made.slice(0, 2))
  const rest = await ada('GET', `/shares?limit=2&cursor=${first.headers.get('x-next-cursor')}`)
  expect(rest.body).toEqual(made.slice(2))
  expect((await bob('GET', '/shares')).body).toEqual([])
  expect((await bob('DELETE', `/shares/${made[0]!.id}`)).status).toBe(404)
  expect((await bob('POST', `/conversations/${chat_id}/shares`, {})).status).toBe(404)
  expect((await read(made[0]!.token)).status).toBe(200)
})

test('a key makes one link, however often it is sent', async () => {
  const ada = await signIn()
  const { chat_id } = await chat(ada)
  const make = (given: object) =>
    ada('POST', `/conversations/${chat_id}/shares`, given, { headers: { 'idempotency-key': 's-1' } })
  const answers = await Promise.all(countTo(5).map(() => make({})))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  expect(await countOf('shares WHERE user_id = ?', ada.user.id)).toBe(1)
  expect(await countOf('shared_messages WHERE share_id = ?', answers[0]!.body.id)).toBe(2)
  expect((await make({ expires_in: 60 })).body.code).toBe('idempotency_key_reused')
  for (const expires_in of [59, 31_536_001, 60.5, '60'])
    expect((await share(ada, chat_id, { expires_in })).status).toBe(422)
})

test('there are never more than 100 links of a user, however they are asked for', async () => {
  const ada = await signIn()
  const { chat_id } = await chat(ada)
  await env.DB.prepare(
    `INSERT INTO shares (id, user_id, conversation_id, token, created_at)
     SELECT 's' || value || ?1, ?1, ?2, 't' || value || ?1, 1 FROM json_each(?3)`,
  )
    .bind(ada.user.id, chat_id, JSON.stringify(countTo(97)))
    .run()
  const tries = await Promise.all(countTo(6).map(() => ada('POST', `/conversations/${chat_id}/shares`, {})))
  expect(tries.map(({ status }) => status).sort()).toEqual([201, 201, 201, 409, 409, 409])
  expect(await countOf('shares WHERE user_id = ?', ada.user.id)).toBe(100)
})

test('a link goes with its conversation, with the project of that, and with the account, and rests while that is closed', async () => {
  const [ada, admin] = [await signIn(), await signInAdmin()]
  const [first, second, third] = [await chat(ada), await chat(ada), await chat(ada)]
  const tokens = [
    await share(ada, first.chat_id),
    await share(ada, second.chat_id),
    await share(ada, third.chat_id),
  ].map(({ token }) => token)
  const statuses = async () => (await Promise.all(tokens.map((token) => read(token)))).map(({ status }) => status)
  await ada('DELETE', `/conversations/${first.chat_id}`)
  expect(await statuses()).toEqual([404, 200, 200])
  const project_id = (await ada('POST', '/projects', { name: 'Thesis' })).body.id
  await ada('PATCH', `/conversations/${second.chat_id}`, { project_id })
  await ada('DELETE', `/projects/${project_id}`)
  expect(await statuses()).toEqual([404, 404, 200])
  await admin('PATCH', `/admin/users/${ada.user.id}`, { is_active: false })
  expect(await statuses()).toEqual([404, 404, 404])
  await admin('PATCH', `/admin/users/${ada.user.id}`, { is_active: true })
  expect(await statuses()).toEqual([404, 404, 200])
  await admin('DELETE', `/admin/users/${ada.user.id}`)
  expect(await statuses()).toEqual([404, 404, 404])
  expect(await countOf('shared_messages WHERE share_id NOT IN (SELECT id FROM shares)')).toBe(0)
  expect(await countOf('shares WHERE user_id = ?', ada.user.id)).toBe(0)
})

test('links that have expired are removed by the minute, the others stay', async () => {
  const ada = await signIn()
  const { chat_id } = await chat(ada)
  const kept = [await share(ada, chat_id), await share(ada, chat_id, { expires_in: 7_200 })]
  await Promise.all(countTo(25).map(() => share(ada, chat_id, { expires_in: 60 })))
  await runChores(new Date(Date.now() + 2 * MINUTE_MS))
  expect(await countOf('shares WHERE user_id = ?', ada.user.id)).toBe(2)
  expect(await countOf('shared_messages WHERE share_id IN (?, ?)', kept[0].id, kept[1].id)).toBe(4)
  expect(await countOf('shared_messages WHERE share_id NOT IN (SELECT id FROM shares)')).toBe(0)
})

test('an address that reads too many links is told to wait', async () => {
  const headers = { 'cf-connecting-ip': '203.0.113.77' }
  const answers = await Promise.all(
    countTo(121).map(() => anyone('GET', `/shared/${'x'.repeat(43)}`, undefined, { headers })),
  )
  expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(0)
})
