import { expect, test } from 'vitest'
import { type Answer, countTo, one, type SignedIn, signIn, signInAdmin } from '../support/client.ts'

const offline = { model: 'parley-offline' }

const start = async (user: SignedIn, given: object = {}): Promise<string> =>
  (await user('POST', '/conversations', given)).body.id

const idsOf = ({ body }: Answer) => body.map(({ id }: { id: string }) => id)

test('a conversation is made and put in order in one round trip each, and says what it is', async () => {
  const ada = await signIn()
  const project_id = (await ada('POST', '/projects', { name: 'Thesis' })).body.id
  const plain = await ada('POST', '/conversations', {})
  expect(plain.headers.get('server-timing')).toContain('trips=1')
  expect(plain.body).toEqual({
    id: expect.any(String),
    title: null,
    project_id: null,
    instructions: null,
    pinned: false,
    archived: false,
    tags: [],
    temporary: false,
    expires_at: null,
    head_id: null,
    created_at: expect.any(String),
    updated_at: plain.body.created_at,
  })
  const given = { project_id, instructions: 'Be brief', pinned: true, archived: true, tags: ['Home', 'home'] }
  expect((await ada('POST', '/conversations', given)).body).toMatchObject(given)
  const path = `/conversations/${plain.body.id}`
  const changed = await ada('PATCH', path, given)
  expect(changed.headers.get('server-timing')).toContain('trips=1')
  expect(changed.body).toEqual({ ...plain.body, ...given })
  const nothing = { project_id: null, instructions: null, pinned: false, archived: false, tags: [] }
  expect((await ada('PATCH', path, nothing)).body).toEqual(plain.body)
})

test('putting in order is not using: a conversation keeps its place, and what was not named stays', async () => {
  const ada = await signIn()
  const [first, second] = [await start(ada, { title: 'First' }), await start(ada)]
  const before = (await ada('GET', `/conversations/${first}`)).body
  for (const changes of [{ title: 'Other' }, { pinned: true }, { tags: ['a'] }, { instructions: 'Be brief' }]) {
    expect((await ada('PATCH', `/conversations/${first}`, changes)).body).toMatchObject({
      ...changes,
      updated_at: before.updated_at,
    })
  }
  expect(idsOf(await ada('GET', '/conversations'))).toEqual([second, first])
  expect((await ada('GET', `/conversations/${first}`)).body).toMatchObject({
    title: 'Other',
    pinned: true,
    tags: ['a'],
    instructions: 'Be brief',
  })
})

test('a title that the user gave is theirs, and one that they took back comes with the next message', async () => {
  const ada = await signIn()
  const id = await start(ada, { title: 'Mine' })
  const sourceOf = async () =>
    (await one<{ source: string }>('SELECT title_source AS source FROM conversations WHERE id = ?', id))!.source
  expect(await sourceOf()).toBe('user')
  expect((await ada('PATCH', `/conversations/${id}`, { title: null })).body.title).toBe(null)
  expect(await sourceOf()).toBe(null)
  await ada('POST', `/conversations/${id}/messages`, { content: 'Hello', ...offline })
  expect([(await ada('GET', `/conversations/${id}`)).body.title, await sourceOf()]).toEqual(['Hello', 'text'])
  await ada('PATCH', `/conversations/${id}`, { title: 'Again mine' })
  expect(await sourceOf()).toBe('user')
})

test('lists are of what is not archived, of what is, of pinned ones, of a project, of a tag', async () => {
  const ada = await signIn()
  const project_id = (await ada('POST', '/projects', { name: 'Thesis' })).body.id
  const plain = await start(ada)
  const pinned = await start(ada, { pinned: true, tags: ['a'] })
  const inside = await start(ada, { project_id, tags: ['a', 'b'] })
  const away = await start(ada, { project_id, pinned: true, archived: true, tags: ['b'] })
  const listed = async (query: string) => idsOf(await ada('GET', `/conversations${query}`))
  expect(await listed('')).toEqual([inside, pinned, plain])
  expect(await listed('?archived=false')).toEqual([inside, pinned, plain])
  expect(await listed('?archived=true')).toEqual([away])
  expect(await listed('?pinned=true')).toEqual([pinned])
  expect(await listed('?pinned=true&archived=true')).toEqual([away])
  expect(await listed(`?project_id=${project_id}`)).toEqual([inside])
  expect(await listed(`?project_id=${project_id}&archived=true`)).toEqual([away])
  expect(await listed('?tag=a')).toEqual([inside, pinned])
  expect(await listed('?tag=b')).toEqual([inside])
  expect(await listed('?tag=b&archived=true')).toEqual([away])
  expect(await listed('?tag=A')).toEqual([])
  const bob = await signIn()
  for (const query of ['', '?tag=a', '?pinned=true', `?project_id=${project_id}`]) {
    expect((await bob('GET', `/conversations${query}`)).body).toEqual([])
  }
})

test('every list goes page by page, follows what is done to its conversations, and refuses the cursor of another', async () => {
  const ada = await signIn()
  const project_id = (await ada('POST', '/projects', { name: 'Thesis' })).body.id
  const ids: string[] = []
  for (const _ of countTo(5)) ids.unshift(await start(ada, { project_id, pinned: true, tags: ['a', 'b'] }))
  const filters = ['archived=false', 'pinned=true', `project_id=${project_id}`, 'tag=a', 'tag=b']
  const cursors: string[] = []
  for (const filter of filters) {
    const first = await ada('GET', `/conversations?limit=3&${filter}`)
    cursors.push(first.headers.get('x-next-cursor')!)
    const rest = await ada('GET', /<(.*)>/.exec(first.headers.get('link')!)![1]!)
    expect([filter, ...idsOf(first), ...idsOf(rest)]).toEqual([filter, ...ids])
  }
  for (const [at, filter] of filters.entries()) {
    const foreign = await ada('GET', `/conversations?${filter}&cursor=${cursors[(at + 1) % filters.length]}`)
    expect(foreign).toMatchObject({ status: 422, body: { errors: [{ pointer: 'query:cursor' }] } })
  }
  await ada('POST', `/conversations/${ids[4]}/messages`, { content: 'Back', reply: false })
  await ada('PATCH', `/conversations/${ids[0]}`, { archived: true })
  await ada('DELETE', `/conversations/${ids[1]}`)
  for (const filter of filters) {
    expect(idsOf(await ada('GET', `/conversations?${filter}`))).toEqual([ids[4], ids[2], ids[3]])
  }
  await ada('PATCH', `/conversations/${ids[2]}`, { tags: ['b'] })
  expect(idsOf(await ada('GET', '/conversations?tag=a'))).toEqual([ids[4], ids[3]])
})

test('two filters at once, and what is no filter, are refused', async () => {
  const ada = await signIn()
  for (const [query, pointer] of [
    ['pinned=true&tag=a', 'query:tag'],
    [`pinned=true&project_id=${crypto.randomUUID()}`, 'query:project_id'],
    [`tag=a&project_id=${crypto.randomUUID()}`, 'query:tag'],
    ['pinned=false', 'query:pinned'],
    ['archived=maybe', 'query:archived'],
    ['project_id=1', 'query:project_id'],
    ['tag=', 'query:tag'],
  ]) {
    const { status, body } = await ada('GET', `/conversations?${query}`)
    expect([query, status, body.errors?.[0].pointer]).toEqual([query, 422, pointer])
  }
})

test('tags are trimmed, few, short and each there once', async () => {
  const ada = await signIn()
  const path = `/conversations/${await start(ada)}`
  const most = countTo(20).map((n) => `tag ${n}`)
  expect((await ada('PATCH', path, { tags: [' a '] })).body.tags).toEqual(['a'])
  expect((await ada('PATCH', path, { tags: most })).body.tags).toEqual(most)
  for (const tags of [['a', ' a '], [''], ['x'.repeat(41)], [...most, 'one more'], [1], 'a']) {
    expect((await ada('PATCH', path, { tags })).status).toBe(422)
    expect((await ada('POST', '/conversations', { tags })).status).toBe(422)
  }
})

test('another branch becomes the active one by any message of it, and only by one of the conversation', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await start(ada)
  const path = `/conversations/${id}`
  const say = async (content: string, more: object = {}) =>
    (await ada('POST', `${path}/messages`, { content, ...offline, ...more })).body
  const first = await say('One')
  const old = await say('Two')
  const fresh = await say('Instead', { parent_id: first.id })
  const before = (await ada('GET', path)).body
  expect(before.head_id).toBe(fresh.id)
  const switched = await ada('PATCH', path, { head_id: old.parent_id, title: 'Back' })
  expect(switched.headers.get('server-timing')).toContain('trips=1')
  expect(switched.body).toMatchObject({ head_id: old.id, title: 'Back', updated_at: before.updated_at })
  expect((await ada('GET', path)).body.messages.at(-1).id).toBe(old.id)
  // From where the branches part the newest goes on.
  expect((await ada('PATCH', path, { head_id: first.id })).body.head_id).toBe(fresh.id)
  const { body: far } = await bob('POST', '/chat', { message: 'Far', ...offline })
  const { body: other } = await ada('POST', '/chat', { message: 'Other', ...offline })
  for (const head_id of [far.message_id, other.message_id, crypto.randomUUID()]) {
    const refused = await ada('PATCH', path, { head_id, title: 'No' })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/head_id' }] } })
  }
  expect((await bob('PATCH', path, { head_id: old.id })).status).toBe(404)
  expect((await ada('GET', path)).body).toMatchObject({ head_id: fresh.id, title: 'Back' })
})

test('an admin is shown what is archived too, and nothing temporary', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  const [first, away, , last] = [
    await start(bob),
    await start(bob, { archived: true }),
    await start(bob, { temporary: true }),
    await start(bob),
  ]
  const path = `/admin/users/${bob.user.id}/chats?limit=2`
  const page = await admin('GET', path)
  const rest = await admin('GET', `${path}&cursor=${page.headers.get('x-next-cursor')}`)
  expect([...idsOf(page), ...idsOf(rest)]).toEqual([last, away, first])
})
