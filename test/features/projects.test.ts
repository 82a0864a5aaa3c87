import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { countOf, countTo, eventsOf, one, type SignedIn, signIn } from '../support/client.ts'
import { reply, script } from '../support/upstream.ts'

const newProject = async (user: SignedIn, more: object = {}): Promise<string> =>
  (await user('POST', '/projects', { name: 'Thesis', ...more })).body.id

const startIn = async (user: SignedIn, project_id: string, more: object = {}): Promise<string> =>
  (await user('POST', '/conversations', { project_id, ...more })).body.id

test('a project is made, changed, and deleted', async () => {
  const ada = await signIn()
  const made = await ada('POST', '/projects', { name: ' My Project ', description: 'About it', color: 'blue' })
  expect(made).toMatchObject({
    status: 201,
    body: { name: 'My Project', description: 'About it', color: 'blue', instructions: null, model: null },
  })
  expect(made.body.conversations).toEqual([])
  const path = `/projects/${made.body.id}`
  expect(made.headers.get('location')).toBe(`/api/v1${path}`)
  const changed = await ada('PATCH', path, { name: 'Diary', description: null, instructions: 'Be brief' })
  expect(changed.body).toMatchObject({ name: 'Diary', description: null, color: 'blue', instructions: 'Be brief' })
  expect((await ada('GET', path)).body).toEqual(changed.body)
  expect((await ada('GET', '/projects')).body).toEqual([changed.body])
  expect((await ada('DELETE', path)).status).toBe(204)
  expect((await ada('GET', path)).status).toBe(404)
  expect((await ada('DELETE', path)).status).toBe(404)
})

test("another user's project looks missing, and nothing can be put into it", async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const project = await newProject(ada)
  const inside = await startIn(ada, project)
  const path = `/projects/${project}`
  const his = (await bob('POST', '/conversations', {})).body.id
  for (const project_id of [project, crypto.randomUUID()]) {
    expect((await bob('POST', '/conversations', { project_id })).status).toBe(404)
    expect((await bob('PATCH', `/conversations/${his}`, { project_id })).status).toBe(404)
    expect((await bob('GET', `/conversations?project_id=${project_id}`)).body).toEqual([])
  }
  for (const [method, body] of [['GET'], ['PATCH', { name: 'Mine' }], ['DELETE']] as const) {
    expect(await bob(method, path, body)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  }
  expect((await ada('GET', path)).body).toMatchObject({ name: 'Thesis', conversations: [{ id: inside }] })
  expect(await countOf('conversations WHERE user_id = ?', bob.user.id)).toBe(1)
})

test('a project shows its 20 newest conversations that are not archived, in one round trip', async () => {
  const ada = await signIn()
  const [project, other] = [await newProject(ada), await newProject(ada)]
  const ids: string[] = []
  for (const n of countTo(22)) ids.unshift(await startIn(ada, project, { title: `No ${n}` }))
  await ada('PATCH', `/conversations/${ids[3]}`, { archived: true })
  await ada('POST', `/conversations/${ids[21]}/messages`, { content: 'Back', reply: false })
  const used = [ids[21], ...ids.filter((_, at) => at !== 3)].slice(0, 20)
  for (const path of ['/projects', `/projects/${project}`]) {
    const { body, headers } = await ada('GET', path)
    expect(headers.get('server-timing')).toContain('trips=1')
    const found = path === '/projects' ? body[1] : body
    expect(found.conversations.map(({ id }: { id: string }) => id)).toEqual(used)
    expect(found.conversations[1]).toEqual({ id: ids[0], title: 'No 22', updated_at: expect.any(String) })
  }
  const [first] = (await ada('GET', '/projects')).body
  expect(first).toMatchObject({ id: other, conversations: [] })
  const changed = await ada('PATCH', `/projects/${project}`, { color: 'red' })
  expect(changed.body.conversations).toHaveLength(20)
})

test('projects are listed newest first, page by page', async () => {
  const ada = await signIn()
  const ids: string[] = []
  for (const _ of countTo(5)) ids.unshift(await newProject(ada))
  const first = await ada('GET', '/projects?limit=3')
  const cursor = first.headers.get('x-next-cursor')
  const rest = await ada('GET', `/projects?limit=3&cursor=${cursor}`)
  expect([...first.body, ...rest.body].map(({ id }) => id)).toEqual(ids)
  expect(rest.headers.get('link')).toBe(null)
  expect((await ada('GET', `/conversations?cursor=${cursor}`)).status).toBe(422)
})

test('a key makes one project, however often it is sent', async () => {
  const ada = await signIn()
  const make = (name: string) => ada('POST', '/projects', { name }, { headers: { 'idempotency-key': 'p-1' } })
  const answers = await Promise.all(countTo(5).map(() => make('Once')))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  expect((await ada('GET', '/projects')).body).toHaveLength(1)
  expect(await make('Twice')).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
})

test('what a project cannot be is refused, field by field', async () => {
  const ada = await signIn()
  const path = `/projects/${await newProject(ada)}`
  for (const [field, value] of Object.entries({
    name: ' ',
    description: 'x'.repeat(2_001),
    color: '',
    instructions: 'x'.repeat(8_001),
    model: 'not-served',
    user_id: ada.user.id,
  })) {
    for (const [method, to] of [
      ['POST', '/projects'],
      ['PATCH', path],
    ] as const) {
      const { status, body } = await ada(method, to, { ...(method === 'POST' && { name: 'Fine' }), [field]: value })
      expect([field, status, body.errors?.[0].pointer]).toEqual([field, 422, `/${field}`])
    }
  }
  expect((await ada('PATCH', path, {})).status).toBe(422)
  expect((await ada('PATCH', path, { model: 'o3' })).body.model).toBe('o3')
})

test('instructions and model of a project hold for its conversations, before their own', async () => {
  const ada = await signIn()
  const project = await newProject(ada, { instructions: 'Speak like a pirate', model: 'gpt-4o-mini' })
  const inside = await startIn(ada, project, { instructions: 'Be brief' })
  const outside = (await ada('POST', '/conversations', {})).body.id
  const { prompt, calls } = await script(reply(1), reply(1), reply(1))
  const say = (id: string) => ada('POST', `/conversations/${id}/messages`, { content: prompt, model: undefined })
  expect((await say(inside)).body).toMatchObject({ model: 'gpt-4o-mini', context: { project_id: project } })
  await ada('PATCH', `/conversations/${inside}`, { project_id: null, instructions: null })
  await say(inside)
  await say(outside)
  const systems = (await calls()).map(({ body }) =>
    (body as { messages: { role: string; content: string }[] }).messages
      .filter(({ role }) => role === 'system')
      .map(({ content }) => content)
      .join('\n'),
  )
  expect(systems[0]).toMatch(/^Speak like a pirate\s+Be brief$/)
  expect(systems.slice(1)).toEqual(['', ''])
})

test('a project takes its conversations and their messages along, and the others stay', async () => {
  const ada = await signIn()
  const project = await newProject(ada)
  const inside = await Promise.all(countTo(30).map(() => startIn(ada, project)))
  await ada('POST', `/conversations/${inside[0]}/messages`, { content: 'Hi', model: 'parley-offline' })
  const { body: outside } = await ada('POST', '/chat', { message: 'Hi', model: 'parley-offline' })
  expect((await ada('DELETE', `/projects/${project}`)).status).toBe(204)
  expect((await ada('GET', '/conversations')).body).toMatchObject([{ id: outside.chat_id }])
  expect(await countOf('messages WHERE conversation_id = ?', inside[0])).toBe(0)
  expect(await countOf('runs WHERE conversation_id = ?', inside[0])).toBe(0)
  expect(await countOf('messages WHERE conversation_id = ?', outside.chat_id)).toBe(2)
})

test('of a project that is too much for one request a part goes, and the next request goes on', async () => {
  const ada = await signIn()
  const project = await newProject(ada)
  await env.DB.prepare(
    `INSERT INTO conversations (id, user_id, project_id, created_at, updated_at)
     SELECT 'c' || value || ?1, ?1, ?2, 1, 1 FROM json_each(?3)`,
  )
    .bind(ada.user.id, project, JSON.stringify(countTo(2_600)))
    .run()
  const first = await ada('DELETE', `/projects/${project}`)
  expect(first).toMatchObject({ status: 503, body: { code: 'overloaded' } })
  expect(first.headers.get('retry-after')).toBe('1')
  expect(await countOf('conversations WHERE project_id = ?', project)).toBe(100)
  expect((await ada('DELETE', `/projects/${project}`)).status).toBe(204)
  expect(await countOf('projects WHERE id = ?', project)).toBe(0)
})

test('a reply that is being written in a deleted project is stopped and counted', async () => {
  const ada = await signIn()
  const project = await newProject(ada)
  const { prompt } = await script([{ text: 'Once upon a time' }, { hang: true }])
  const path = `/conversations/${await startIn(ada, project)}/messages`
  const events = eventsOf(await ada.open('POST', path, { content: prompt, stream: true, model: 'gpt-4o-mini' }))
  expect((await ada('DELETE', `/projects/${project}`)).status).toBe(204)
  expect((await events).at(-1)).toMatchObject({ event: 'run.cancelled' })
  expect(await one('SELECT status FROM usage_ledger WHERE user_id = ?', ada.user.id)).toEqual({ status: 'cancelled' })
  expect(await countOf('conversations WHERE user_id = ?', ada.user.id)).toBe(0)
})
