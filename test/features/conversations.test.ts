import { expect, test } from 'vitest'
import { type Answer, countTo, one, signIn, startConversation } from '../support/client.ts'

const offline = { model: 'parley-offline' }

test('a conversation is made, renamed, read with its messages and deleted with them', async () => {
  const ada = await signIn()
  const made = await ada('POST', '/conversations', { title: ' Paris ' })
  expect(made).toMatchObject({ status: 201, body: { title: 'Paris' } })
  const path = `/conversations/${made.body.id}`
  expect(made.headers.get('location')).toBe(`/api/v1${path}`)
  expect((await ada('PATCH', path, { title: 'Rome' })).body.title).toBe('Rome')
  const reply = await ada('POST', `${path}/messages`, { content: 'Hello', ...offline })
  expect((await ada('GET', path)).body).toMatchObject({
    title: 'Rome',
    messages: [{ role: 'user', content: 'Hello' }, reply.body],
  })
  expect((await ada('DELETE', path)).status).toBe(204)
  expect((await ada('GET', path)).status).toBe(404)
  expect((await ada('DELETE', path)).status).toBe(404)
  expect(await one('SELECT 1 FROM messages WHERE conversation_id = ?', made.body.id)).toBe(null)
  expect(await one('SELECT 1 FROM runs WHERE conversation_id = ?', made.body.id)).toBe(null)
})

test('the first message gives a conversation its title, and a given title stays', async () => {
  const ada = await signIn()
  const [untitled, titled] = [
    await startConversation(ada),
    (await ada('POST', '/conversations', { title: 'Mine' })).body.id,
  ]
  const content = `${'word '.repeat(30)}\nmore`
  for (const id of [untitled, titled]) await ada('POST', `/conversations/${id}/messages`, { content, ...offline })
  const title = (await ada('GET', `/conversations/${untitled}`)).body.title
  expect(title).toHaveLength(60)
  expect(title.endsWith('…')).toBe(true)
  expect((await ada('GET', `/conversations/${titled}`)).body.title).toBe('Mine')
})

test('conversations are listed last used first, page by page, in one round trip each', async () => {
  const ada = await signIn()
  const ids: string[] = []
  for (const n of countTo(5)) ids.push((await ada('POST', '/conversations', { title: `No ${n}` })).body.id)
  await ada('POST', `/conversations/${ids[0]}/messages`, { content: 'Back to you', ...offline })
  const seen: string[] = []
  for (let path: string | undefined = '/conversations?limit=2'; path; ) {
    const { body, headers }: Answer = await ada('GET', path)
    expect(headers.get('server-timing')).toContain('trips=1')
    expect(body.length).toBeLessThanOrEqual(2)
    seen.push(...body.map(({ id }: { id: string }) => id))
    const link: string | null = headers.get('link')
    path = link ? /^<(.+)>; rel="next"$/.exec(link)![1] : undefined
  }
  expect(seen).toEqual([ids[0], ids[4], ids[3], ids[2], ids[1]])
})

test('messages are listed as they were said, the newest page first', async () => {
  const ada = await signIn()
  const id = await startConversation(ada)
  for (const n of countTo(3)) await ada('POST', `/conversations/${id}/messages`, { content: `No ${n}`, ...offline })
  const newest = await ada('GET', `/conversations/${id}/messages?limit=4`)
  expect(newest.headers.get('server-timing')).toContain('trips=1')
  expect(newest.body.map(({ content }: { content: string }) => content.slice(0, 4))).toEqual([
    'No 2',
    'You ',
    'No 3',
    'You ',
  ])
  const cursor = newest.headers.get('x-next-cursor')
  const older = await ada('GET', `/conversations/${id}/messages?limit=4&cursor=${cursor}`)
  expect(older.body.map(({ role }: { role: string }) => role)).toEqual(['user', 'assistant'])
  expect(older.headers.get('link')).toBe(null)
  expect((await ada('GET', `/conversations/${await startConversation(ada)}/messages`)).body).toEqual([])
})

test('a cursor of another list, or of nobody, is refused', async () => {
  const ada = await signIn()
  const [first, second] = [await startConversation(ada), await startConversation(ada)]
  const { headers } = await ada('GET', '/conversations?limit=1')
  const cursor = headers.get('x-next-cursor')
  for (const bad of [cursor, 'garbage', btoa('[]'), btoa('["messages:x",1]')]) {
    const answer = await ada('GET', `/conversations/${first}/messages?cursor=${bad}`)
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: 'query:cursor' }] } })
  }
  for (const limit of [0, 101, 'x']) expect((await ada('GET', `/conversations?limit=${limit}`)).status).toBe(422)
  expect((await ada('GET', `/conversations?cursor=${cursor}`)).body[0].id).toBe(first)
  expect(second).not.toBe(first)
})

test('a cursor with the id of a foreign message shows nothing of it', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const hers = await startConversation(ada)
  const { body } = await ada('POST', `/conversations/${hers}/messages`, { content: 'Secret', ...offline })
  const his = await startConversation(bob)
  const cursor = btoa(JSON.stringify([`messages:${his}`, body.id])).replaceAll('=', '')
  expect(await bob('GET', `/conversations/${his}/messages?cursor=${cursor}`)).toMatchObject({ status: 422 })
})

test("another user's conversation, message and run look missing, and stay as they are", async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await startConversation(ada)
  const { body } = await ada('POST', `/conversations/${id}/messages`, { content: 'Secret', ...offline })
  const before = await ada('GET', `/conversations/${id}`)
  const tries: [string, string, object?][] = [
    ['GET', `/conversations/${id}`],
    ['PATCH', `/conversations/${id}`, { title: 'Mine' }],
    ['DELETE', `/conversations/${id}`],
    ['GET', `/conversations/${id}/messages`],
    ['POST', `/conversations/${id}/messages`, { content: 'Hi', ...offline }],
    ['POST', '/chat', { message: 'Hi', chat_id: id, ...offline }],
    ['GET', `/messages/${body.id}`],
    ['GET', `/runs/${body.run_id}`],
    ['GET', `/runs/${body.run_id}/events`],
    ['POST', `/runs/${body.run_id}/cancel`],
  ]
  for (const [method, path, given] of tries) {
    expect(await bob(method, path, given)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  }
  expect((await ada('GET', `/conversations/${id}`)).body).toEqual(before.body)
})

test('a key makes one conversation, however often it is sent', async () => {
  const ada = await signIn()
  const make = (title: string) => ada('POST', '/conversations', { title }, { headers: { 'idempotency-key': 'c-1' } })
  const answers = await Promise.all(countTo(10).map(() => make('Once')))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  expect((await ada('GET', '/conversations')).body).toHaveLength(1)
  expect(await make('Twice')).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
})

test('contract 5 and 2: the bodies that they show are taken as written', async () => {
  const ada = await signIn()
  const { body: chat } = await ada('POST', '/conversations', { title: 'My First Chat' })
  const sent = await ada('POST', `/conversations/${chat.id}/messages`, {
    content: 'Hello, how can you help me?',
    internet_enabled: true,
    files: [],
  })
  expect(sent.status).toBe(201)
  expect(sent.body).toMatchObject({ role: 'assistant', attachments: [], timestamp: sent.body.created_at })
})
