import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { listAllChatbots, listChatbots } from '../../src/features/chatbots/service/read.ts'
import { newChatbot, newKey } from '../support/chatbots.ts'
import { countOf, countTo, one, type SignedIn, signIn, signInAdmin } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const upload = async (user: SignedIn, name = 'menu.txt'): Promise<string> =>
  (await user('PUT', `/upload?filename=${name}`, undefined, { raw: name })).body.id

const versionsOf = async (user: SignedIn, id: string) => (await user('GET', `/chatbots/${id}/versions`)).body
const auditOf = async (targetId: string) =>
  (await env.DB.prepare('SELECT action, actor_id AS actor FROM audit_log WHERE target_id = ?').bind(targetId).all())
    .results

const DEFAULTS = {
  handle: null,
  llm_endpoint_url: null,
  llm_api_key_set: false,
  fallbacks: [],
  model: null,
  instructions: null,
  temperature: null,
  context_tokens: null,
  max_output_tokens: null,
  internet_enabled: false,
  files: [],
}

test('a chatbot is made, changed, and deleted', async () => {
  const ada = await signIn()
  const made = await ada('POST', '/chatbots', { name: ' Support ' })
  expect(made).toMatchObject({ status: 201, body: { ...DEFAULTS, name: 'Support', version: 1, owner_id: ada.user.id } })
  expect(made.headers.get('server-timing')).toContain('trips=1')
  const path = `/chatbots/${made.body.id}`
  expect(made.headers.get('location')).toBe(`/api/v1${path}`)
  const settings = {
    model: 'gpt-4o-mini',
    instructions: 'Be brief',
    temperature: 0.5,
    context_tokens: 8_000,
    max_output_tokens: 500,
    internet_enabled: true,
    files: [await upload(ada)],
  }
  const handle = `bot-${ada.user.username}`
  const changed = await ada('PATCH', path, { handle: ` ${handle.toUpperCase()}`, ...settings })
  expect(changed.body).toMatchObject({ name: 'Support', handle, ...settings, version: 2 })
  const read = await ada('GET', path)
  expect(read.body).toEqual(changed.body)
  expect(read.headers.get('server-timing')).toContain('trips=1')
  expect((await ada('GET', '/chatbots')).body).toEqual([changed.body])
  expect((await ada('GET', `/users/${ada.user.id}/chatbots`)).body).toEqual([changed.body])
  expect((await ada('DELETE', path)).status).toBe(204)
  for (const [method, body] of [['GET'], ['PATCH', { name: 'Gone' }], ['DELETE']] as const) {
    expect((await ada(method, path, body)).status).toBe(404)
  }
  expect((await ada('GET', `${path}/versions`)).status).toBe(404)
  expect((await ada('GET', '/chatbots')).body).toEqual([])
})

test('other settings make a new version, name, handle and what is as it was make none', async () => {
  const ada = await signIn()
  const { id } = await newChatbot(ada, { instructions: 'One' })
  const change = async (changes: object) => (await ada('PATCH', `/chatbots/${id}`, changes)).body.version
  expect(await change({ name: 'Other', handle: `h-${ada.user.username}` })).toBe(1)
  expect(await change({ instructions: 'One', files: [], temperature: null })).toBe(1)
  expect(await change({ instructions: 'Two', name: 'Third' })).toBe(2)
  expect(await change({ temperature: 1 })).toBe(3)
  expect(await change({ instructions: null })).toBe(4)
  const { name: _, ...shown } = (await ada('GET', `/chatbots/${id}`)).body
  const [newest, third, second, first] = await versionsOf(ada, id)
  expect(shown).toMatchObject({ ...newest, created_at: shown.created_at })
  expect([third, second, first]).toMatchObject([
    { version: 3, instructions: 'Two', temperature: 1 },
    { version: 2, instructions: 'Two', temperature: null },
    { version: 1, instructions: 'One', temperature: null },
  ])
})

test('chatbots and versions are listed newest first, page by page, in one round trip', async () => {
  const ada = await signIn()
  const ids: string[] = []
  for (const _ of countTo(5)) ids.unshift((await newChatbot(ada)).id)
  for (const n of countTo(4)) await ada('PATCH', `/chatbots/${ids[0]}`, { instructions: `No ${n}` })
  const pages = async (path: string) => {
    const first = await ada('GET', `${path}?limit=3`)
    expect(first.headers.get('server-timing')).toContain('trips=1')
    const cursor = first.headers.get('x-next-cursor')
    const rest = await ada('GET', `${path}?limit=3&cursor=${cursor}`)
    expect([first.body.length, rest.body.length, rest.headers.get('link')]).toEqual([3, 2, null])
    return { items: [...first.body, ...rest.body], cursor }
  }
  const { items, cursor } = await pages('/chatbots')
  expect(items.map(({ id }) => id)).toEqual(ids)
  expect((await pages(`/users/${ada.user.id}/chatbots`)).items).toEqual(items)
  const { items: versions } = await pages(`/chatbots/${ids[0]}/versions`)
  expect(versions.map(({ version }) => version)).toEqual([5, 4, 3, 2, 1])
  for (const path of ['/projects', `/chatbots/${ids[0]}/versions`]) {
    expect((await ada('GET', `${path}?cursor=${cursor}`)).status).toBe(422)
  }
})

test('parallel changes each make a version of their own or are told to look again, and none is lost', async () => {
  const ada = await signIn()
  const { id } = await newChatbot(ada)
  const answers = await Promise.all(
    countTo(20).map((n) => ada('PATCH', `/chatbots/${id}`, { instructions: `No ${n}` })),
  )
  const done = answers.filter(({ status }) => status === 200)
  const refused = answers.filter(({ status }) => status !== 200)
  expect(refused.every(({ status, body }) => status === 409 && body.code === 'conflict')).toBe(true)
  expect(done.length).toBeGreaterThan(0)
  const versions = await versionsOf(ada, id)
  expect(versions.map(({ version }: { version: number }) => version)).toEqual(
    countTo(done.length + 1).sort((a, b) => b - a),
  )
  for (const { body } of done) {
    const { instructions } = versions.find(({ version }: { version: number }) => version === body.version)
    expect(instructions).toBe(body.instructions)
  }
  expect((await ada('GET', `/chatbots/${id}`)).body.version).toBe(done.length + 1)
})

test("another user's chatbot looks missing, whatever is asked of it", async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const { id } = await newChatbot(ada, { handle: `x-${ada.user.username}` })
  const path = `/chatbots/${id}`
  for (const [method, more, body] of [
    ['GET', ''],
    ['GET', '/versions'],
    ['PATCH', '', { instructions: 'Mine' }],
    ['PATCH', '', { name: 'Mine' }],
    ['DELETE', ''],
  ] as const) {
    expect(await bob(method, path + more, body)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  }
  expect((await bob('GET', `/users/${ada.user.id}/chatbots`)).status).toBe(404)
  expect((await bob('GET', '/chatbots')).body).toEqual([])
  expect(await versionsOf(ada, id)).toHaveLength(1)
  expect(await auditOf(id)).toEqual([])
  expect(await auditOf(ada.user.id)).toEqual([])
})

test('what a chatbot cannot be is refused, field by field', async () => {
  const ada = await signIn()
  const path = `/chatbots/${(await newChatbot(ada)).id}`
  for (const [field, value] of [
    ['name', ' '],
    ['name', 'x'.repeat(121)],
    ['name', 'Sup\u202eport'],
    ['handle', 'ab'],
    ['handle', '.abc'],
    ['handle', 'a b c'],
    ['handle', 'a'.repeat(33)],
    ['instructions', 'x'.repeat(16_001)],
    ['model', 'not-served'],
    ['temperature', 2.1],
    ['temperature', -1],
    ['context_tokens', 255],
    ['max_output_tokens', 1_000_001],
    ['fallbacks', countTo(4).map(() => ({ llm_endpoint_url: 'https://api.example.com' }))],
    ['files', countTo(11).map(() => crypto.randomUUID())],
    ['files', ['same', 'same']],
    ['llm_api_key', 'x y'],
    ['llm_api_key', 'k'.repeat(4_097)],
    ['version', 7],
    ['owner_id', ada.user.id],
    ['llm_api_key_set', true],
  ] as const) {
    for (const [method, to] of [
      ['POST', '/chatbots'],
      ['PATCH', path],
    ] as const) {
      const { status, body } = await ada(method, to, { ...(method === 'POST' && { name: 'Fine' }), [field]: value })
      expect([field, status, body.errors?.[0].pointer]).toEqual([field, 422, `/${field}`])
    }
  }
  expect((await ada('PATCH', path, {})).status).toBe(422)
  const largest = {
    instructions: 'x'.repeat(16_000),
    context_tokens: 10_000_000,
    max_output_tokens: 16,
    temperature: 2,
  }
  expect((await ada('PATCH', path, largest)).body).toMatchObject(largest)
})

test('a handle is of one chatbot at a time, and free when that is deleted', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const handle = `bot.${ada.user.username}`
  const { id } = await newChatbot(ada, { handle })
  const his = await newChatbot(bob)
  for (const answer of [
    await bob('POST', '/chatbots', { name: 'Same', handle: handle.toUpperCase() }),
    await bob('PATCH', `/chatbots/${his.id}`, { handle, instructions: 'Never stored' }),
  ]) {
    expect(answer).toMatchObject({ status: 409, body: { code: 'conflict', detail: 'This handle is taken' } })
  }
  expect(await versionsOf(bob, his.id)).toHaveLength(1)
  await ada('DELETE', `/chatbots/${id}`)
  expect((await bob('PATCH', `/chatbots/${his.id}`, { handle })).body).toMatchObject({ handle, version: 1 })
})

test('files are one’s own and there, or nothing is written; what is deleted since is left out', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [menu, plan, his] = [await upload(ada), await upload(ada, 'plan.txt'), await upload(bob)]
  const { id } = await newChatbot(ada, { files: [plan, menu] })
  for (const file of [his, crypto.randomUUID(), 'nope']) {
    const refused = { status: 404, body: { code: 'file_not_found' } }
    expect(await ada('POST', '/chatbots', { name: 'Two', files: [menu, file] })).toMatchObject(refused)
    expect(await ada('PATCH', `/chatbots/${id}`, { name: 'Two', files: [menu, file] })).toMatchObject(refused)
  }
  expect((await ada('GET', '/chatbots')).body).toMatchObject([{ name: 'Support', files: [plan, menu], version: 1 }])
  expect((await ada('DELETE', `/files/${plan}`)).status).toBe(204)
  expect((await ada('GET', `/chatbots/${id}`)).body).toMatchObject({ files: [menu], version: 1 })
  expect((await ada('PATCH', `/chatbots/${id}`, { instructions: 'Go on' })).body).toMatchObject({
    files: [menu],
    version: 2,
  })
})

test('a user has 100 chatbots at the most, however many are made at once', async () => {
  const ada = await signIn()
  await env.DB.prepare(
    `INSERT INTO chatbots (id, user_id, name, created_at, updated_at)
     SELECT '0' || ?1 || value, ?1, 'Many', 1, 1 FROM json_each(?2)`,
  )
    .bind(ada.user.id, JSON.stringify(countTo(90)))
    .run()
  const answers = await Promise.all(countTo(20).map(() => ada('POST', '/chatbots', { name: 'More' })))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
  expect(answers.find(({ status }) => status !== 201)).toMatchObject({ status: 409, body: { code: 'limit_reached' } })
  expect(await countOf('chatbots WHERE user_id = ?', ada.user.id)).toBe(100)
  const [newest] = (await ada('GET', '/chatbots?limit=1')).body
  await ada('DELETE', `/chatbots/${newest.id}`)
  expect((await ada('POST', '/chatbots', { name: 'Room' })).status).toBe(201)
})

test('a key makes one chatbot, however often it is sent, and no hash of a secret is stored', async () => {
  const ada = await signIn()
  const secret = `sk-${crypto.randomUUID()}`
  const make = (name: string, llm_api_key = secret) =>
    ada(
      'POST',
      '/chatbots',
      { name, llm_endpoint_url: 'https://api.example.com/v1', llm_api_key },
      {
        headers: { 'idempotency-key': 'c-1' },
      },
    )
  const answers = await Promise.all(countTo(5).map(() => make('Once')))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(4)
  expect((await make('Once', `${secret}-other`)).headers.get('idempotency-replayed')).toBe('true')
  expect(await make('Twice')).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  expect((await ada('GET', '/chatbots')).body).toHaveLength(1)
  await ada('DELETE', `/chatbots/${answers[0]!.body.id}`)
  expect((await make('Once')).status).toBe(404)
})

test('an administrator reads anybody’s chatbots, which is recorded each time, and others do not', async () => {
  const [admin, ada, bob] = [await signInAdmin(), await signIn(), await signIn()]
  const hers = await newChatbot(ada)
  const his = await newChatbot(bob)
  const own = await newChatbot(admin)
  expect((await admin('GET', `/chatbots/${hers.id}`)).body).toEqual(hers)
  expect(await auditOf(hers.id)).toEqual([{ action: 'chatbot.read', actor: admin.user.id }])
  expect((await admin('GET', `/users/${bob.user.id}/chatbots`)).body).toEqual([his])
  const listed = { action: 'user.chatbots_listed', actor: admin.user.id }
  expect(await auditOf(bob.user.id)).toEqual([listed])
  expect(await auditOf(ada.user.id)).toEqual([])
  const all = await admin('GET', '/chatbots?scope=all&limit=3')
  expect(all.body).toEqual([own, his, hers])
  expect([await auditOf(bob.user.id), await auditOf(ada.user.id)]).toEqual([[listed, listed], [listed]])
  await admin('GET', '/chatbots?scope=all&limit=1')
  expect(await auditOf(ada.user.id)).toEqual([listed])
  expect([await auditOf(admin.user.id), await auditOf(own.id)]).toEqual([[], []])
  expect((await admin('GET', '/chatbots')).body).toEqual([own])
  expect(await bob('GET', '/chatbots?scope=all')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  for (const path of [`/chatbots/${crypto.randomUUID()}`, `/users/${crypto.randomUUID()}/chatbots`]) {
    expect((await admin('GET', path)).status).toBe(404)
  }
  for (const [method, body] of [['PATCH', { name: 'Mine' }], ['DELETE']] as const) {
    expect((await admin(method, `/chatbots/${hers.id}`, body)).status).toBe(404)
  }
  await env.DB.prepare("UPDATE users SET role = 'user' WHERE id = ?").bind(admin.user.id).run()
  expect((await admin('GET', `/chatbots/${his.id}`)).status).toBe(404)
  expect((await admin('GET', '/chatbots?scope=all')).status).toBe(403)
  expect(await auditOf(his.id)).toEqual([])
})

test('a page of all chatbots goes on where the one before ended', async () => {
  const [admin, ada] = [await signInAdmin(), await signIn()]
  const ids: string[] = []
  for (const _ of countTo(3)) ids.unshift((await newChatbot(ada)).id)
  const first = await admin('GET', '/chatbots?scope=all&limit=2')
  const cursor = first.headers.get('x-next-cursor')
  const rest = await admin('GET', `/chatbots?scope=all&limit=1&cursor=${cursor}`)
  expect([...first.body, ...rest.body].map(({ id }) => id)).toEqual(ids)
  expect((await admin('GET', `/chatbots?cursor=${cursor}`)).status).toBe(422)
})

test('with a chatbot its keys and secrets end, its versions stay, and it is recorded and counted no more', async () => {
  const [admin, ada] = [await signInAdmin(), await signIn()]
  const total = async () => (await admin('GET', '/db-status')).body.records.chatbots
  const before = await total()
  const llm_api_key = `sk-${crypto.randomUUID()}`
  const { id } = await newChatbot(ada, { llm_endpoint_url: 'https://api.example.com', llm_api_key })
  const other = await newChatbot(ada)
  const [key, revoked, kept] = [await newKey(ada, id), await newKey(ada, id), await newKey(ada, other.id)]
  await ada('POST', `/chatbots/${id}/api-keys/${revoked.id}/revoke`)
  const { revoked_at } = (await one<{ revoked_at: number }>(
    'SELECT revoked_at FROM api_keys WHERE id = ?',
    revoked.id,
  ))!
  expect(await total()).toBe(before + 2)
  await ada('DELETE', `/chatbots/${id}`)
  expect(await total()).toBe(before + 1)
  const stateOf = (keyId: string) =>
    one<{ revoked_at: number | null }>('SELECT revoked_at FROM api_keys WHERE id = ?', keyId)
  expect((await stateOf(key.id))!.revoked_at).toBeGreaterThan(0)
  expect(await stateOf(revoked.id)).toEqual({ revoked_at })
  expect(await stateOf(kept.id)).toEqual({ revoked_at: null })
  expect(await countOf('chatbot_secrets WHERE chatbot_id = ?', id)).toBe(0)
  expect(await countOf('chatbot_versions WHERE chatbot_id = ?', id)).toBe(1)
  expect(await auditOf(id)).toEqual([{ action: 'chatbot.deleted', actor: ada.user.id }])
  for (const path of ['', `/${key.id}`]) {
    expect((await ada('GET', `/chatbots/${id}/api-keys${path}`)).status).toBe(404)
  }
  expect((await ada('POST', `/chatbots/${id}/api-keys`, { name: 'Late' })).status).toBe(404)
  expect((await ada('POST', `/chatbots/${id}/api-keys/${key.id}/rotate`)).status).toBe(404)
})

test('a page costs one trip and as many rows, however many chatbots there are', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  for (const _ of countTo(22)) await newChatbot(admin)
  const costs = async () => {
    const own = ctxOf(admin)
    await listChatbots(own.ctx, { limit: 20 })
    const all = ctxOf(admin)
    await listAllChatbots(all.ctx, { limit: 20 })
    expect([own.meter.trips, all.meter.trips]).toEqual([1, 1])
    return [own.meter.rowsRead, all.meter.rowsRead]
  }
  const before = await costs()
  await env.DB.prepare(
    `INSERT INTO chatbots (id, user_id, name, created_at, updated_at, deleted_at)
     SELECT '0' || ?1 || value, ?1, 'Many', 1, 1, iif(value % 2, 1, NULL) FROM json_each(?2)`,
  )
    .bind(bob.user.id, JSON.stringify(countTo(5_000)))
    .run()
  expect(await costs()).toEqual(before)
  expect(before[0]).toBeLessThanOrEqual(4 * 20)
})
