import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { type Answer, countTo, type SignedIn, signIn, startConversation } from '../support/client.ts'

const find = async (user: SignedIn, q: string, more = '') =>
  (await user('GET', `/search?q=${encodeURIComponent(q)}${more}`)).body as Found[]

type Found = {
  conversation_id: string
  message_id: string | null
  snippet: { text: string; highlights: [number, number][] }
}

/** What is marked in each of what was found. */
const marked = (found: Found[]) =>
  found.map(({ snippet: { text, highlights } }) => highlights.map(([from, to]) => text.slice(from, to)).join(' '))

const store = async (user: SignedIn, id: string, content: string) =>
  (await user('POST', `/conversations/${id}/messages`, { content, reply: false })).body.id as string

const texts = (found: Found[]) => found.map(({ snippet }) => snippet.text)

test('messages and titles are found by their words, with what they are part of', async () => {
  const ada = await signIn()
  const { body: chat } = await ada('POST', '/conversations', { title: 'Journey to Zürich' })
  const id = await store(ada, chat.id, 'By train to Zurich,\nor by boat?')
  expect(await find(ada, 'ZURICH')).toMatchObject([
    {
      conversation_id: chat.id,
      conversation_title: 'Journey to Zürich',
      message_id: null,
      role: null,
      snippet: { text: 'Journey to Zürich', highlights: [[11, 17]] },
    },
    {
      conversation_id: chat.id,
      conversation_title: 'Journey to Zürich',
      message_id: id,
      role: 'user',
      snippet: { text: 'By train to Zurich, or by boat?', highlights: [[12, 18]] },
    },
  ])
  expect(marked(await find(ada, 'boat TRAIN'))).toEqual(['train boat'])
  expect(await find(ada, 'train plane')).toEqual([])
})

test('nobody finds what is somebody else’s, whatever they ask', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  await store(ada, await startConversation(ada), 'The password of the safe')
  const owner = ada.user.id.replaceAll('-', '')
  for (const q of ['password', owner, `") OR owner:"${owner}`, `owner:${owner}`, `" OR "password`]) {
    expect([q, await find(bob, q)]).toEqual([q, []])
  }
  expect(await find(ada, 'password')).toHaveLength(2)
})

test('what looks like an operator is a word', async () => {
  const ada = await signIn()
  const id = await startConversation(ada)
  await store(ada, id, 'this AND that')
  await store(ada, id, 'either this OR one')
  expect(texts(await find(ada, 'this and'))).toContain('this AND that')
  expect(texts(await find(ada, 'this OR'))).toEqual(['either this OR one'])
  for (const q of ['thi*', 'NOT this that)', 'text:this', '^this^ NEAR(that)', 'this-that', '{text}:this']) {
    expect([q, await find(ada, q)]).toEqual([q, []])
  }
  for (const q of ['"this', '-this', 'this*', '(this', ':this:', '"""this"', '\u0000this', '"this AND that"']) {
    expect([q, (await find(ada, q)).length > 0]).toEqual([q, true])
  }
})

test('a query without a word finds nothing, and an impossible one is refused', async () => {
  const ada = await signIn()
  await store(ada, await startConversation(ada), 'Anything 🙂')
  for (const q of [' ', '-', '""', '🙂', '\u0000', '\ufffd', '*', '()']) {
    expect([q, await find(ada, q)]).toEqual([q, []])
  }
  for (const query of ['', '?q=', `?q=${'a'.repeat(201)}`, '?q=a&limit=0', '?q=a&cursor=x']) {
    expect([query, (await ada('GET', `/search${query}`)).status]).toEqual([query, 422])
  }
})

test('characters that are written without spaces are found one by one', async () => {
  const ada = await signIn()
  await store(ada, await startConversation(ada), '我明天去东京看朋友。')
  expect(marked(await find(ada, '东京'))).toEqual(['东京', '东京'])
  expect(await find(ada, '京东')).toEqual([])
  await store(ada, await startConversation(ada), '서울에서 만나요, हिन्दी में')
  expect(await find(ada, '서울')).toHaveLength(2)
  expect(await find(ada, 'हिन्दी')).toHaveLength(2)
})

test('a reply is found once it has ended, a new wording as well as the old one, and nothing that was deleted', async () => {
  const ada = await signIn()
  const { body: chat } = await ada('POST', '/chat', { message: 'Tell me of walruses', model: 'parley-offline' })
  const ofReply = async (q: string) => (await find(ada, q)).some(({ message_id }) => message_id === chat.message_id)
  expect(await ofReply('walruses')).toBe(chat.response.includes('walruses'))
  const setStatus = (status: string, content: string) =>
    env.DB.prepare('UPDATE messages SET status = ?, content = ? WHERE id = ?')
      .bind(status, content, chat.message_id)
      .run()
  await setStatus('completed', 'About narwhals')
  expect([await ofReply('narwhals'), await ofReply('walruses')]).toEqual([true, false])
  const { body: asked } = await ada('GET', `/conversations/${chat.chat_id}/messages`)
  await ada('PATCH', `/messages/${asked[0].id}`, { content: 'Tell me of ostriches' })
  expect(await find(ada, 'ostriches')).toHaveLength(1)
  await ada('PATCH', `/conversations/${chat.chat_id}`, { title: 'Cassowaries' })
  expect(texts(await find(ada, 'walruses'))).toEqual(['Tell me of walruses'])
  expect(texts(await find(ada, 'cassowaries'))).toEqual(['Cassowaries'])
  await ada('DELETE', `/messages/${asked[0].id}`)
  expect([await ofReply('narwhals'), await find(ada, 'walruses')]).toEqual([false, []])
  await ada('DELETE', `/conversations/${chat.chat_id}`)
  expect([await find(ada, 'ostriches'), await find(ada, 'cassowaries')]).toEqual([[], []])
})

test('a reply that is being written is not found, a partial one is', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const id = crypto.randomUUID()
  await env.DB.prepare(
    `INSERT INTO messages (id, conversation_id, depth, role, content, status, tokens, created_at, updated_at)
     VALUES (?, ?, 1, 'assistant', '', 'in_progress', 1, 1, 1)`,
  )
    .bind(id, conversation)
    .run()
  const set = (column: string, value: string) =>
    env.DB.prepare(`UPDATE messages SET ${column} = ? WHERE id = ?`).bind(value, id).run()
  await set('content', 'Half of it')
  expect(await find(ada, 'half')).toEqual([])
  await set('status', 'cancelled')
  expect(texts(await find(ada, 'half'))).toEqual(['Half of it'])
})

test('a temporary conversation is never found, an archived one is', async () => {
  const ada = await signIn()
  for (const state of ['temporary', 'archived']) {
    const id = crypto.randomUUID()
    await env.DB.prepare(
      'INSERT INTO conversations (id, user_id, title, state, created_at, updated_at) VALUES (?, ?, ?, ?, 1, 1)',
    )
      .bind(id, ada.user.id, `Secret ${state}`, state)
      .run()
    await store(ada, id, `Secret of ${state}`)
  }
  expect(texts(await find(ada, 'secret'))).toEqual(['Secret archived', 'Secret of archived'])
  const { n } = (await env.DB.prepare(
    "SELECT count(*) AS n FROM message_search WHERE message_search MATCH 'temporary'",
  ).first<{ n: number }>())!
  expect(n).toBe(0)
})

test('what has the words more often comes first, and the newer of two that are alike', async () => {
  const ada = await signIn()
  const { body: chat } = await ada('POST', '/conversations', { title: 'Anything' })
  await store(ada, chat.id, 'tea and coffee, first')
  await store(ada, chat.id, 'tea tea tea')
  await store(ada, chat.id, 'tea and coffee, later')
  expect(texts(await find(ada, 'tea'))).toEqual(['tea tea tea', 'tea and coffee, later', 'tea and coffee, first'])
})

test('pages of what was found have no hole and no repeat, while more is written', async () => {
  const ada = await signIn()
  const { body: chat } = await ada('POST', '/conversations', { title: 'Owls' })
  for (const n of countTo(7)) await store(ada, chat.id, `owl ${'owl '.repeat(n % 3)}`)
  const all = await find(ada, 'owl')
  const seen: Found[] = []
  let path: string | undefined = '/search?q=owl&limit=2'
  while (path) {
    const { body, headers }: Answer = await ada('GET', path)
    seen.push(...body)
    await store(ada, chat.id, 'owl owl owl owl')
    path = /<([^>]+)>/.exec(headers.get('link') ?? '')?.[1]
  }
  expect(seen).toEqual(all)
  const { headers } = await ada('GET', '/search?q=owl&limit=2')
  const cursor = headers.get('x-next-cursor')
  expect((await ada('GET', `/search?q=hawk&cursor=${cursor}`)).status).toBe(422)
})
