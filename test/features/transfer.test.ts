import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { type Answer, countOf, countTo, type SignedIn, signIn, startConversation } from '../support/client.ts'

// biome-ignore lint/suspicious/noExplicitAny: lines of every type
type Line = { type: string } & Record<string, any>

const exportOf = async (user: SignedIn, query = '') => (await user('GET', `/export${query}`)).body as string
const linesOf = (file: string): Line[] =>
  file
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const ofType = (file: string, type: string) => linesOf(file).filter((line) => line.type === type)
const importAs = (user: SignedIn, raw: string, type = 'application/x-ndjson'): Promise<Answer> =>
  user('POST', '/import', undefined, { raw, headers: { 'content-type': type } })
const importChatGpt = (user: SignedIn, file: unknown) =>
  importAs(user, typeof file === 'string' ? file : JSON.stringify(file), 'application/json')
const run = (query: string, ...values: unknown[]) =>
  env.DB.prepare(query)
    .bind(...values)
    .run()

/** An export without what another account has of its own: ids as the order in which they come, and no times. */
function comparable(file: string) {
  const names = new Map<string, string>()
  const named = (id: string | null) => {
    if (id !== null && !names.has(id)) names.set(id, `id ${names.size}`)
    return id && names.get(id)
  }
  return linesOf(file).map((line) =>
    Object.fromEntries(
      Object.entries(line)
        .filter(([key]) => !key.endsWith('_at') || key === 'pinned_at')
        .map(([key, value]) => [
          key,
          /^id$|_id$/.test(key) ? named(value) : key === 'pinned_at' ? value !== null : value,
        ]),
    ),
  )
}

/** A user with everything that an export has: projects, branches, tags, feedback, sources, titles of every kind. */
async function busyUser() {
  const ada = await signIn()
  const [, tea] = [await startConversation(ada), await startConversation(ada)]
  const say = async (body: object) => (await ada('POST', `/conversations/${tea}/messages`, body)).body.id as string
  const first = await say({ content: 'Which tea?', reply: false })
  const reply = await say({ content: 'In the morning', model: 'parley-offline' })
  await ada('PATCH', `/messages/${reply}`, { feedback: { rating: 'down', comment: 'Too short' } })
  await ada('POST', `/messages/${reply}/regenerate`, { model: 'parley-offline' })
  await ada('PATCH', `/messages/${first}`, { content: 'Which coffee? ünïcödé 👩‍👩‍👧 \u2028 "x"' })
  await ada('PATCH', `/conversations/${tea}`, { title: 'Tea, at length' })
  const { body: green } = await ada('POST', '/chat', { message: 'Green?', model: 'parley-offline' })
  const project = crypto.randomUUID()
  await run(
    `INSERT INTO projects (id, user_id, name, description, color, instructions, model, created_at, updated_at)
     VALUES (?, ?, 'Drinks', NULL, 'blue', 'Be brief', 'parley-offline', ?3, ?3)`,
    project,
    ada.user.id,
    Date.now(),
  )
  await run('UPDATE messages SET sources = ? WHERE id = ?', '[{"title":"Tea","url":"https://tea.example/"}]', reply)
  await run(
    `UPDATE conversations SET project_id = ?, tags = '["hot","cold"]', pinned_at = 5, state = 'archived', instructions = 'In verse'
     WHERE id = ?`,
    project,
    green.chat_id,
  )
  await ada('PATCH', `/conversations/${tea}`, { head_id: reply }).catch(() => undefined)
  return { ada, tea, green: green.chat_id as string, project }
}

test('an export has the projects, and each conversation with its messages of all branches, parents first', async () => {
  const { ada, green } = await busyUser()
  const temporary = await startConversation(ada)
  await run("UPDATE conversations SET state = 'temporary', title = 'Secret' WHERE id = ?", temporary)
  await startConversation(await signIn())
  const file = await exportOf(ada)
  const lines = linesOf(file)
  expect(lines[0]).toMatchObject({ type: 'parley.export', version: 1 })
  expect(lines.at(-1)).toEqual({ type: 'end', counts: { projects: 1, conversations: 3, messages: 7 } })
  expect(file).not.toContain('Secret')
  const seen = new Set<string | null>([null])
  let conversation = ''
  for (const line of lines) {
    if (line.type === 'conversation') conversation = line.id
    if (line.type !== 'message') continue
    expect([line.conversation_id, seen.has(line.parent_id)]).toEqual([conversation, true])
    seen.add(line.id)
  }
  const one = await exportOf(ada, `?conversation_id=${green}`)
  expect(linesOf(one).map(({ type }) => type)).toEqual([
    'parley.export',
    'project',
    'conversation',
    'message',
    'message',
    'end',
  ])
  const bob = await signIn()
  for (const [user, id] of [
    [bob, green],
    [ada, temporary],
    [ada, crypto.randomUUID()],
  ] as const) {
    expect((await user('GET', `/export?conversation_id=${id}`)).status).toBe(404)
  }
  expect(await countOf("audit_log WHERE action LIKE '%exported' AND actor_id = ?", ada.user.id)).toBe(2)
})

test('what is exported, imported by another user and exported again is equal but for ids and times', async () => {
  const { ada } = await busyUser()
  const bob = await signIn()
  const file = await exportOf(ada)
  const { status, body } = await importAs(bob, file)
  expect([status, body]).toEqual([
    200,
    {
      projects: { imported: 1, existing: 0, skipped: 0 },
      conversations: { imported: 3, existing: 0, skipped: 0 },
      messages: { imported: 7, existing: 0, skipped: 0 },
      skipped: [],
    },
  ])
  const copy = await exportOf(bob)
  expect(comparable(copy)).toEqual(comparable(file))
  expect(linesOf(copy).filter(({ id }) => id && file.includes(id))).toEqual([])
  const times = (of: string) =>
    linesOf(of)
      .slice(1)
      .map(({ created_at, updated_at }) => [created_at, updated_at])
  expect(times(copy)).toEqual(times(file))
  const { body: found } = await bob('GET', '/search?q=coffee')
  expect(found).toHaveLength(1)
})

test('files are named in an export, and their names stand for what was not said', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const { body: file } = await ada('PUT', '/upload?filename=plan.txt', undefined, { raw: 'Plan' })
  const path = `/conversations/${await startConversation(ada)}/messages`
  for (const content of ['', 'And again']) await ada('POST', path, { content, files: [file.id], reply: false })
  const exported = await exportOf(ada)
  const named = [{ id: file.id, filename: 'plan.txt' }]
  expect(ofType(exported, 'message').map(({ content, files }) => [content, files])).toEqual([
    ['', named],
    ['And again', named],
  ])
  expect((await importAs(bob, exported)).body.messages.imported).toBe(2)
  expect(ofType(await exportOf(bob), 'message').map(({ content, files }) => [content, files])).toEqual([
    ['plan.txt', []],
    ['And again', []],
  ])
})

test('importing twice, or what is one’s own, changes nothing, also at the same time', async () => {
  const { ada } = await busyUser()
  const [bob, file] = [await signIn(), await exportOf(ada)]
  const both = await Promise.all([importAs(bob, file), importAs(bob, file)])
  const stored = both.map(({ body }) => body.messages.imported + body.conversations.imported + body.projects.imported)
  expect(stored.reduce((a, b) => a + b)).toBe(11)
  const nothing = {
    projects: { imported: 0, existing: 1, skipped: 0 },
    conversations: { imported: 0, existing: 3, skipped: 0 },
    messages: { imported: 0, existing: 7, skipped: 0 },
    skipped: [],
  }
  const copy = await exportOf(bob)
  for (const [user, each] of [
    [bob, file],
    [bob, copy],
    [ada, file],
  ] as const) {
    expect((await importAs(user, each)).body).toEqual(nothing)
  }
  expect(linesOf(await exportOf(bob)).slice(1)).toEqual(linesOf(copy).slice(1))
  expect(linesOf(await exportOf(ada)).slice(1)).toEqual(linesOf(file).slice(1))
})

test('what was deleted since the export comes back, below what is still there', async () => {
  const { ada, tea } = await busyUser()
  const file = await exportOf(ada, `?conversation_id=${tea}`)
  const [question, ...rest] = ofType(file, 'message')
  const answer = rest.find(({ parent_id }) => parent_id === question!.id)!
  await ada('DELETE', `/messages/${answer.id}`)
  expect((await importAs(ada, file)).body.messages.imported).toBeGreaterThan(0)
  expect(ofType(await exportOf(ada, `?conversation_id=${tea}`), 'message')).toHaveLength(rest.length + 1)
})

test('a message that a file puts elsewhere stays where it is, and what follows it is as deep as it should be', async () => {
  const ada = await signIn()
  const { body: chat } = await ada('POST', '/chat', { message: 'One', model: 'parley-offline' })
  const said = { conversation_id: chat.chat_id, role: 'user' }
  const file = [
    { type: 'parley.export', version: 1 },
    { type: 'conversation', id: chat.chat_id },
    { ...said, type: 'message', id: chat.message_id, parent_id: null, content: 'Moved' },
    { ...said, type: 'message', id: 'new', parent_id: chat.message_id, content: 'Three' },
    { type: 'end' },
  ]
  const { body } = await importAs(ada, file.map((line) => JSON.stringify(line)).join('\n'))
  expect(body.messages).toEqual({ imported: 1, existing: 1, skipped: 0 })
  expect(
    await countOf('messages WHERE conversation_id = ? AND depth = 3 AND parent_id = ?', chat.chat_id, chat.message_id),
  ).toBe(1)
})

const node = (id: string, parent: string | null, role: string | null, text?: unknown, more: object = {}) => ({
  id,
  parent,
  children: [],
  message: role && {
    id,
    author: { role },
    create_time: 1_700_000_000.25,
    status: 'finished_successfully',
    recipient: 'all',
    content: { content_type: 'text', parts: [text] },
    metadata: { model_slug: 'gpt-4' },
    ...more,
  },
})
const mappingOf = (nodes: { id: string }[]) => Object.fromEntries(nodes.map((each) => [each.id, each]))
const chatGpt = (nodes: { id: string }[], more: object = {}) => ({
  id: 'conversation-1',
  title: 'Tides',
  create_time: 1_700_000_000,
  update_time: 1_700_000_100,
  current_node: nodes.at(-1)!.id,
  mapping: mappingOf(nodes),
  ...more,
})

test('a conversations.json of ChatGPT keeps what was said, with its branches, and leaves out the rest', async () => {
  const ada = await signIn()
  const file = chatGpt([
    node('root', null, null),
    node('system', 'root', 'system', 'Be good'),
    node('q', 'system', 'user', 'Why are there tides?'),
    node('hidden', 'q', 'assistant', 'Not shown', { metadata: { is_visually_hidden_from_conversation: true } }),
    node('call', 'hidden', 'assistant', 'search()', { recipient: 'web' }),
    node('tool', 'call', 'tool', 'Results'),
    node('a1', 'tool', 'assistant', 'The moon'),
    node('a2', 'q', 'assistant', 'The sun', { create_time: 1_700_000_050 }),
    node(
      'picture',
      'a1',
      'user',
      { asset: 'x' },
      { content: { content_type: 'multimodal_text', parts: [{ asset: 'x' }, 'And this?'] } },
    ),
    node('blank', 'picture', 'assistant', '  '),
  ])
  const { body } = await importChatGpt(ada, [file])
  expect(body).toEqual({
    projects: { imported: 0, existing: 0, skipped: 0 },
    conversations: { imported: 1, existing: 0, skipped: 0 },
    messages: { imported: 4, existing: 0, skipped: 0 },
    skipped: [],
  })
  const [conversation] = (await ada('GET', '/conversations')).body
  expect(conversation).toMatchObject({ title: 'Tides', created_at: '2023-11-14T22:13:20.000Z' })
  const { body: branch } = await ada('GET', `/conversations/${conversation.id}/messages`)
  expect(branch.map((each: Line) => [each.role, each.content, each.model])).toEqual([
    ['user', 'Why are there tides?', null],
    ['assistant', 'The moon', 'gpt-4'],
    ['user', 'And this?', null],
  ])
  const { body: siblings } = await ada('GET', `/messages/${branch[1].id}/siblings`)
  expect(siblings.map(({ content }: Line) => content).sort()).toEqual(['The moon', 'The sun'])
  expect((await importChatGpt(ada, [file])).body.messages).toEqual({ imported: 0, existing: 4, skipped: 0 })
  const longer = chatGpt([...Object.values(file.mapping), node('later', 'picture', 'assistant', 'That too')] as never)
  expect((await importChatGpt(ada, [longer])).body.messages).toEqual({ imported: 1, existing: 4, skipped: 0 })
})

test('what is odd in a file is skipped with its place, and the rest is imported', async () => {
  const ada = await signIn()
  const { body } = await importChatGpt(ada, [
    'text',
    null,
    { title: 'No id', mapping: {} },
    { id: 'x', mapping: [] },
    chatGpt([node('only-system', null, 'system', 'x')], { id: 'c4' }),
    chatGpt(
      [
        node('ok', null, 'user', 'fine'),
        node('orphan', 'nowhere', 'user', 'lost'),
        node('round', 'about', 'user', 'lost'),
        node('about', 'round', 'user', 'lost'),
        node('nul', 'ok', 'user', 'a\0b'),
        node('half', 'ok', 'user', '\ud800'),
        node('long', 'ok', 'user', 'x'.repeat(262_145)),
        node('below', 'long', 'assistant', 'kept, after what is left'),
        node('weird', 'ok', 'user', 'x', { author: 7 }),
        { id: 'shapeless', parent: 'ok', message: 'hello' },
        { id: '__proto__x', parent: 5 },
        node('late', 'ok', 'user', 'of the future', { create_time: 1e300 }),
        node('early', 'ok', 'user', 'of long ago', { create_time: -1e300 }),
      ] as never,
      { id: 'c5', title: `${'t'.repeat(300)}\ud800`, create_time: 'soon', current_node: 'below', update_time: 9e99 },
    ),
  ])
  expect(body.conversations).toEqual({ imported: 1, existing: 0, skipped: 5 })
  expect(body.messages).toEqual({ imported: 4, existing: 0, skipped: 9 })
  expect(body.skipped.map(({ where }: Line) => where)).toEqual([
    '/0',
    '/1',
    '/2',
    '/3/mapping',
    '/4',
    '/5/mapping/nul',
    '/5/mapping/half',
    '/5/mapping/long',
    '/5/mapping/weird',
    '/5/mapping/shapeless',
    '/5/mapping/__proto__x',
    '/5/mapping/orphan',
    '/5/mapping/about',
    '/5/mapping/round',
  ])
  const [conversation] = (await ada('GET', '/conversations')).body
  const { body: branch } = await ada('GET', `/conversations/${conversation.id}/messages`)
  expect(branch.map(({ content }: Line) => content)).toEqual(['fine', 'kept, after what is left'])
})

test('a hostile file is refused or skipped, and never breaks anything', async () => {
  const ada = await signIn()
  const deep = (n: number) => `${'['.repeat(n)}${']'.repeat(n)}`
  const files: [string, number, string][] = [
    ['', 400, 'bad_request'],
    ['{}', 422, 'validation_failed'],
    ['[]', 422, 'validation_failed'],
    ['[', 200, ''],
    ['[1', 200, ''],
    ['[,]', 200, ''],
    ['["\\', 200, ''],
    [deep(1_000_000), 200, ''],
    [`[${deep(1_000_000)},{"__proto__":{"id":"x"}},{"id":"y","mapping":{"__proto__":{"message":null}}}]`, 200, ''],
    [`[${'{},'.repeat(50_000)}{}]`, 200, ''],
    [`[[${'0,'.repeat(2_000_000)}0]]`, 200, ''],
    [`[{"id":"n","mapping":{"a":${'9'.repeat(10_000)}}}]`, 200, ''],
    [
      `[{"id":"\\ud800","mapping":{"\\u0000\\ud800":{"message":{"author":{"role":"user"},"content":{"content_type":"text","parts":["hi"]}}}}}]`,
      200,
      '',
    ],
  ]
  for (const [raw, status, code] of files) {
    const answer = await importChatGpt(ada, raw)
    expect([raw.slice(0, 50), answer.status, answer.body.code ?? '']).toEqual([raw.slice(0, 50), status, code])
    if (status === 200)
      expect([raw.slice(0, 50), answer.body.conversations.skipped > 0 || raw.includes('"hi"')]).toEqual([
        raw.slice(0, 50),
        true,
      ])
  }
  const header = '{"type":"parley.export","version":1}'
  const lines: [string, number][] = [
    ['hello', 422],
    ['{"type":"parley.export","version":2}', 422],
    [`\n${header}`, 422],
    [`${header}\n${deep(500_000)}\n{"type":"message"\nnull\n7\n{"type":"party"}`, 200],
    [`${header}\n{"type":"conversation","id":"c","__proto__":{}}`, 200],
    [`${header}\n{"type":"conversation","id":"c\\u0000"}`, 200],
    [`${header}\n{"type":"message","id":"m","conversation_id":"c","parent_id":null,"role":"user","content":"x"}`, 200],
  ]
  for (const [raw, status] of lines) {
    const answer = await importAs(ada, raw)
    expect([raw.slice(0, 80), answer.status]).toEqual([raw.slice(0, 80), status])
    if (status === 200) expect(answer.body.skipped.length).toBeGreaterThan(1)
  }
  expect((await importAs(ada, 'x', 'text/plain')).status).toBe(415)
})

test('a conversation that is twice in a file, told differently, is imported as it was told first', async () => {
  const ada = await signIn()
  const [first, second] = [
    [node('a', null, 'user', 'A'), node('b', 'a', 'user', 'B')],
    [node('b', null, 'user', 'B'), node('a', 'b', 'user', 'A'), node('c', 'a', 'user', 'C')],
  ]
  const { body } = await importChatGpt(ada, [chatGpt(first), chatGpt(second), chatGpt(second, { create_time: 5 })])
  expect(body.conversations).toEqual({ imported: 2, existing: 1, skipped: 0 })
  expect(body.messages).toEqual({ imported: 6, existing: 2, skipped: 0 })
  const [conversation] = (await ada('GET', '/conversations')).body
  const { body: branch } = await ada('GET', `/conversations/${conversation.id}/messages`)
  expect(branch.map(({ content }: Line) => content)).toEqual(['A', 'B'])
  expect(await countOf('messages m JOIN messages p ON p.id = m.parent_id WHERE m.depth <> p.depth + 1')).toBe(0)
})

test('a file above the bound is refused with what to do', async () => {
  const ada = await signIn()
  const answer = await importChatGpt(ada, `[${' '.repeat(10 * 1024 * 1024)}]`)
  expect([answer.status, answer.body.code]).toEqual([413, 'too_large'])
  expect(answer.body.detail).toContain('file_id')
})

test('a file cannot name what is somebody else’s', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const { body: chat } = await ada('POST', '/chat', { message: 'Mine', model: 'parley-offline' })
  const file = [
    { type: 'parley.export', version: 1 },
    { type: 'conversation', id: chat.chat_id, title: 'Taken', head_id: 'n' },
    {
      type: 'message',
      id: chat.message_id,
      conversation_id: chat.chat_id,
      parent_id: null,
      role: 'user',
      content: 'His',
    },
    {
      type: 'message',
      id: 'n',
      conversation_id: chat.chat_id,
      parent_id: chat.message_id,
      role: 'user',
      content: 'Hers?',
    },
    { type: 'end' },
  ]
  const raw = file.map((line) => JSON.stringify(line)).join('\n')
  expect((await importAs(bob, raw)).body.messages).toEqual({ imported: 2, existing: 0, skipped: 0 })
  expect((await ada('GET', `/conversations/${chat.chat_id}`)).body.messages).toHaveLength(2)
  const [taken] = (await bob('GET', '/conversations')).body
  expect(taken.id).not.toBe(chat.chat_id)
})

test('a conversation that is too long for one batch is imported in several', async () => {
  const ada = await signIn()
  const said = { author: { role: 'user' }, content: { content_type: 'text', parts: ['Hi'] } }
  const nodes = countTo(9_000).map((n) => [n, { parent: n > 1 ? String(n - 1) : null, message: said }])
  const file = [{ id: 'c', mapping: Object.fromEntries(nodes), current_node: '9000' }]
  expect((await importChatGpt(ada, file)).body.messages.imported).toBe(9_000)
  const [conversation] = (await ada('GET', '/conversations')).body
  expect((await ada('GET', `/conversations/${conversation.id}`)).body.messages).toHaveLength(100)
}, 60_000)
