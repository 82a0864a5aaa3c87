import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { kindOfApiKey } from '../../src/lib/api-keys.ts'
import { sha256 } from '../../src/lib/digests.ts'
import { askWith, faultOf, newChatbot, newKey } from '../support/chatbots.ts'
import { countOf, countTo, one, type SignedIn, signIn, signInAdmin } from '../support/client.ts'

const HOUR_MS = 3_600_000
const inAnHour = () => new Date(Date.now() + HOUR_MS).toISOString()

const keysOf = async (user: SignedIn, chatbotId: string) => (await user('GET', `/chatbots/${chatbotId}/api-keys`)).body
const auditOf = async (targetId: string) =>
  (
    await env.DB.prepare('SELECT action FROM audit_log WHERE target_id = ? ORDER BY id').bind(targetId).all()
  ).results.map(({ action }) => action)

async function chatbotOf(user: SignedIn) {
  const { id } = await newChatbot(user)
  const path = `/chatbots/${id}/api-keys`
  const act = (keyId: string, verb: 'rotate' | 'revoke', body?: object, headers?: Record<string, string>) =>
    user('POST', `${path}/${keyId}/${verb}`, body, { headers })
  return { id, path, act }
}

afterEach(() => vi.restoreAllMocks())

test('a key is shown once; a list tells it by its prefix and last four characters', async () => {
  const ada = await signIn()
  const { id, path } = await chatbotOf(ada)
  const made = await ada('POST', path, { name: ' Website ' })
  expect(made.status).toBe(201)
  expect(made.headers.get('server-timing')).toContain('trips=1')
  expect(made.headers.get('location')).toBe(`/api/v1${path}/${made.body.id}`)
  const { key, ...shown } = made.body
  expect(kindOfApiKey(key)).toBe('sk')
  expect(shown).toEqual({
    id: expect.any(String),
    chatbot_id: id,
    name: 'Website',
    kind: 'sk',
    prefix: key.slice(0, 14),
    last_four: key.slice(-4),
    scopes: ['chat'],
    models: [],
    allowed_origins: [],
    rpm: null,
    monthly_token_cap: null,
    revoked: false,
    expires_at: null,
    revoked_at: null,
    rotated_from: null,
    last_used_at: null,
    created_at: expect.any(String),
  })
  expect((await ada('GET', `${path}/${shown.id}`)).body).toEqual(shown)
  expect(await keysOf(ada, id)).toEqual([shown])
  expect(await one('SELECT hash, family_id FROM api_keys WHERE id = ?', shown.id)).toEqual({
    hash: await sha256(key),
    family_id: shown.id,
  })
  expect(await auditOf(shown.id)).toEqual(['api_key.created'])
})

test('a key has the settings that were asked for', async () => {
  const ada = await signIn()
  const { id } = await chatbotOf(ada)
  const settings = {
    name: 'x'.repeat(80),
    kind: 'pk',
    scopes: ['chat:public'],
    models: ['gpt-4o-mini', 'parley-offline'],
    allowed_origins: [
      'https://www.example.com',
      'https://example.com:8443',
      'http://localhost:5173',
      'http://127.0.0.1:80',
    ],
    rpm: 100_000,
    monthly_token_cap: 1_000_000_000_000,
    expires_at: inAnHour(),
  }
  // Port 80 is the one of http, so that no page has an origin with it.
  const { allowed_origins, ...rest } = settings
  expect(faultOf(await ada('POST', `/chatbots/${id}/api-keys`, settings))).toEqual([422, '/allowed_origins/3'])
  const given = { ...rest, allowed_origins: allowed_origins.slice(0, 3) }
  expect(await newKey(ada, id, given)).toMatchObject(given)
  const server = { scopes: ['models', 'runs'], rpm: 1, monthly_token_cap: 16, allowed_origins: ['https://a.example'] }
  expect(await newKey(ada, id, server)).toMatchObject({ kind: 'sk', ...server })
  const page = await newKey(ada, id, { kind: 'pk', allowed_origins: ['https://a.example'] })
  expect([kindOfApiKey(page.key), page.scopes]).toEqual(['pk', ['chat:public']])
})

test('what a key cannot be is refused, field by field', async () => {
  const ada = await signIn()
  const { id, path } = await chatbotOf(ada)
  const pk = { kind: 'pk', allowed_origins: ['https://a.example'] }
  for (const [pointer, given] of [
    ['/name', { name: ' ' }],
    ['/name', { name: 'x'.repeat(81) }],
    ['/kind', { kind: 'xk' }],
    ['/scopes', { scopes: [] }],
    ['/scopes', { scopes: ['chat', 'chat'] }],
    ['/scopes/0', { scopes: ['admin'] }],
    ['/scopes', { scopes: ['chat:public'] }],
    ['/scopes', { scopes: ['chat', 'chat:public'] }],
    ['/scopes', { ...pk, scopes: ['chat'] }],
    ['/scopes', { ...pk, scopes: ['chat:public', 'models'] }],
    ['/allowed_origins', { kind: 'pk' }],
    ['/allowed_origins', { allowed_origins: countTo(21).map((n) => `https://a${n}.example`) }],
    ['/allowed_origins', { allowed_origins: ['https://a.example', 'https://a.example'] }],
    ...[
      'https://a.example/',
      'https://A.example',
      'https://a.example:443',
      'https://*.example',
      'http://a.example',
      'http://localhost',
      'http://localhost.evil.example:80',
      'null',
      '*',
    ].map((origin) => ['/allowed_origins/0', { allowed_origins: [origin] }] as const),
    ['/models', { models: countTo(21).map(String) }],
    ['/models', { models: ['o3', 'o3'] }],
    ['/models/1', { models: ['gpt-4o-mini', 'not-served'] }],
    ['/rpm', { rpm: 0 }],
    ['/rpm', { rpm: 100_001 }],
    ['/monthly_token_cap', { monthly_token_cap: 15 }],
    ['/monthly_token_cap', { monthly_token_cap: 1_000_000_000_001 }],
    ['/expires_at', { expires_at: new Date(Date.now() - 1).toISOString() }],
    ['/expires_at', { expires_at: 'tomorrow' }],
    ['/revoked', { revoked: false }],
    ['/chatbot_id', { chatbot_id: id }],
    ['/key', { key: 'mine' }],
  ] as const) {
    const answer = await ada('POST', path, { name: 'Fine', ...given })
    expect([JSON.stringify(given), ...faultOf(answer)]).toEqual([JSON.stringify(given), 422, pointer])
  }
  expect(await keysOf(ada, id)).toEqual([])
})

test("another user's keys look missing, and so does a key below another chatbot", async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [his, other, hers] = [await chatbotOf(bob), await chatbotOf(bob), await chatbotOf(ada)]
  const key = await newKey(bob, his.id)
  const missing = { status: 404, body: { code: 'not_found' } }
  for (const [user, path] of [
    [ada, his.path],
    [ada, hers.path],
    [bob, other.path],
  ] as const) {
    expect(await user('GET', `${path}/${key.id}`)).toMatchObject(missing)
    expect(await user('POST', `${path}/${key.id}/revoke`)).toMatchObject(missing)
    expect(await user('POST', `${path}/${key.id}/rotate`)).toMatchObject(missing)
  }
  expect(await ada('GET', his.path)).toMatchObject(missing)
  expect(await ada('POST', his.path, { name: 'Mine' })).toMatchObject(missing)
  const admin = await signInAdmin()
  expect(await admin('GET', his.path)).toMatchObject(missing)
  expect(await admin('POST', `${his.path}/${key.id}/revoke`)).toMatchObject(missing)
  expect(await keysOf(bob, his.id)).toMatchObject([{ id: key.id, revoked: false }])
  expect(await auditOf(key.id)).toEqual(['api_key.created'])
})

test('keys are listed newest first, page by page, also those that have ended', async () => {
  const ada = await signIn()
  const { id, path, act } = await chatbotOf(ada)
  const ids: string[] = []
  for (const _ of countTo(5)) ids.unshift((await newKey(ada, id)).id)
  await act(ids[1]!, 'revoke')
  const first = await ada('GET', `${path}?limit=3`)
  expect(first.headers.get('server-timing')).toContain('trips=1')
  const cursor = first.headers.get('x-next-cursor')
  const rest = await ada('GET', `${path}?limit=3&cursor=${cursor}`)
  expect([...first.body, ...rest.body].map((key) => key.id)).toEqual(ids)
  expect(first.body.map(({ revoked }: { revoked: boolean }) => revoked)).toEqual([false, true, false])
  const other = await chatbotOf(ada)
  expect((await ada('GET', `${other.path}?cursor=${cursor}`)).status).toBe(422)
})

test('a key is revoked once and for good, however often it is asked for', async () => {
  const ada = await signIn()
  const { id, act } = await chatbotOf(ada)
  const { id: key } = await newKey(ada, id)
  const answers = await Promise.all(countTo(5).map(() => act(key, 'revoke')))
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  const { body } = await act(key, 'revoke')
  expect(body).toMatchObject({ id: key, revoked: true, revoked_at: answers[0]!.body.revoked_at })
  expect(body).not.toHaveProperty('key')
  expect(await auditOf(key)).toEqual(['api_key.created', 'api_key.revoked'])
})

test('a rotation gives a key with the same settings in the place of the old one, which ends now', async () => {
  const ada = await signIn()
  const { id, path, act } = await chatbotOf(ada)
  const settings = {
    kind: 'pk',
    models: ['o3'],
    allowed_origins: ['https://a.example'],
    rpm: 7,
    monthly_token_cap: 1_000,
    expires_at: inAnHour(),
  }
  const { key: oldKey, ...old } = await newKey(ada, id, settings)
  const { status, body, headers } = await act(old.id, 'rotate')
  const { key, ...shown } = body
  expect([status, headers.get('location')]).toEqual([201, `/api/v1${path}/${shown.id}`])
  expect([kindOfApiKey(key), key === oldKey]).toEqual(['pk', false])
  const differs = { prefix: key.slice(0, 14), last_four: key.slice(-4), created_at: expect.any(String) }
  expect(shown).toEqual({ ...old, ...differs, id: shown.id, rotated_from: old.id })
  expect((await ada('GET', `${path}/${old.id}`)).body).toMatchObject({ revoked: true, expires_at: old.expires_at })
  expect(await auditOf(old.id)).toEqual(['api_key.created', 'api_key.rotated'])
  expect(await auditOf(shown.id)).toEqual(['api_key.created'])
  const next = (await act(shown.id, 'rotate', {})).body
  expect(next.rotated_from).toBe(shown.id)
  const families = await env.DB.prepare('SELECT DISTINCT family_id FROM api_keys WHERE chatbot_id = ?').bind(id).all()
  expect(families.results).toEqual([{ family_id: old.id }])
})

test('with a grace the old key goes on so long, but not beyond its own end', async () => {
  const ada = await signIn()
  const { id, path, act } = await chatbotOf(ada)
  const open = await newKey(ada, id)
  const ending = await newKey(ada, id, { expires_at: inAnHour() })
  const rotated = await act(open.id, 'rotate', { grace_seconds: 60 })
  expect(rotated.body.expires_at).toBe(null)
  const late = await act(ending.id, 'rotate', { grace_seconds: 7_200 })
  expect(late.body.expires_at).toBe(ending.expires_at)
  const { body: old } = await ada('GET', `${path}/${open.id}`)
  expect([old.revoked, Date.parse(old.expires_at)]).toEqual([false, Date.parse(rotated.body.created_at) + 60_000])
  expect((await ada('GET', `${path}/${ending.id}`)).body).toMatchObject({
    revoked: false,
    expires_at: ending.expires_at,
  })
  expect(await act(open.id, 'rotate')).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect((await act(open.id, 'revoke')).body.revoked).toBe(true)
})

test('a grace is bounded by the server', async () => {
  const ada = await signIn()
  const { id, path, act } = await chatbotOf(ada)
  const { id: key } = await newKey(ada, id)
  for (const grace_seconds of [-1, 0.5, 604_801, 34_560_001]) {
    expect(faultOf(await act(key, 'rotate', { grace_seconds }))).toEqual([422, '/grace_seconds'])
  }
  const strict = { KEY_GRACE_MAX_MS: '1000' }
  const ask = (grace_seconds: number) => askWith(strict, ada, 'POST', `${path}/${key}/rotate`, { grace_seconds })
  expect(faultOf(await ask(2))).toEqual([422, '/grace_seconds'])
  expect((await ask(1)).status).toBe(201)
})

test('a key that was revoked or has expired cannot be rotated', async () => {
  const ada = await signIn()
  const { id, act } = await chatbotOf(ada)
  const [revoked, expired] = [await newKey(ada, id), await newKey(ada, id, { expires_at: inAnHour() })]
  await act(revoked.id, 'revoke')
  await env.DB.prepare('UPDATE api_keys SET expires_at = ? WHERE id = ?').bind(Date.now(), expired.id).run()
  for (const key of [revoked, expired]) {
    expect(await act(key.id, 'rotate', { grace_seconds: 60 })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    })
  }
  expect(await keysOf(ada, id)).toHaveLength(2)
})

test('20 rotations at once make one successor, with a grace and without', async () => {
  const ada = await signIn()
  const { id, act } = await chatbotOf(ada)
  for (const grace_seconds of [0, 60]) {
    const { id: key } = await newKey(ada, id)
    const answers = await Promise.all(countTo(20).map(() => act(key, 'rotate', { grace_seconds })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(19)
    expect(await countOf('api_keys WHERE rotated_from = ?', key)).toBe(1)
    expect(await auditOf(key)).toEqual(['api_key.created', 'api_key.rotated'])
  }
})

test('a chatbot has 50 keys that work at the most, however many are made at once', async () => {
  const ada = await signIn()
  const { id, path, act } = await chatbotOf(ada)
  const { id: first } = await newKey(ada, id)
  const add = (n: number, revokedAt: number | null, expiresAt: number | null) =>
    env.DB.prepare(
      `INSERT INTO api_keys (id, chatbot_id, user_id, family_id, kind, hash, prefix, last_four, name, scopes, models,
         allowed_origins, revoked_at, expires_at, created_at)
       SELECT hex(randomblob(8)), ?1, ?2, 'f', 'sk', hex(randomblob(8)), 'p', 'f', 'n', '[]', '[]', '[]', ?3, ?4, 1
       FROM json_each(?5)`,
    )
      .bind(id, ada.user.id, revokedAt, expiresAt, JSON.stringify(countTo(n)))
      .run()
  await add(39, null, null)
  await add(30, 1, null)
  await add(30, null, Date.now() - 1)
  const answers = await Promise.all(countTo(20).map(() => ada('POST', path, { name: 'More' })))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
  const full = { status: 409, body: { code: 'limit_reached' } }
  expect(answers.find(({ status }) => status !== 201)).toMatchObject(full)
  expect(await act(first, 'rotate', { grace_seconds: 60 })).toMatchObject(full)
  expect((await ada('GET', `${path}/${first}`)).body).toMatchObject({ revoked: false, expires_at: null })
  expect((await act(first, 'rotate')).status).toBe(201)
  expect(await ada('POST', path, { name: 'More' })).toMatchObject(full)
  expect((await ada('POST', (await chatbotOf(ada)).path, { name: 'Elsewhere' })).status).toBe(201)
})

test('an Idempotency-Key makes one key, and its secret is not shown again', async () => {
  const ada = await signIn()
  const { id, path, act } = await chatbotOf(ada)
  const headers = { 'idempotency-key': 'k-1' }
  const make = (name = 'Once') => ada('POST', path, { name }, { headers })
  const answers = await Promise.all(countTo(5).map(() => make()))
  const replays = answers.filter((answer) => answer.headers.get('idempotency-replayed') === 'true')
  const [first] = answers.filter((answer) => !replays.includes(answer))
  expect([replays.length, replays.map(({ status }) => status)]).toEqual([4, [201, 201, 201, 201]])
  for (const { body } of replays) expect(body).toEqual({ ...first!.body, key: null })
  expect(await make('Twice')).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  const rotate = (grace_seconds?: number) => act(first!.body.id, 'rotate', { grace_seconds }, headers)
  const rotated = await rotate()
  const again = await rotate(0)
  expect([rotated.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true'])
  expect(again.body).toEqual({ ...rotated.body, key: null })
  expect(await rotate(60)).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  expect(await keysOf(ada, id)).toHaveLength(2)
  await ada('DELETE', `/chatbots/${id}`)
  expect((await make()).status).toBe(404)
})

test('a repeated request gives the key that was made, though it has ended since', async () => {
  const ada = await signIn()
  const { path } = await chatbotOf(ada)
  const now = Date.now()
  const given = { name: 'Short', expires_at: new Date(now + 2_000).toISOString() }
  const make = (key: string) => ada('POST', path, given, { headers: { 'idempotency-key': key } })
  const made = await make('first')
  vi.spyOn(Date, 'now').mockReturnValue(now + 5_000)
  expect(await make('first')).toMatchObject({ status: 201, body: { ...made.body, key: null } })
  expect(faultOf(await make('second'))).toEqual([422, '/expires_at'])
})

test('what was done to keys is in the log, by their ids alone', async () => {
  const lines: { event: string; target_id?: string }[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => lines.push(JSON.parse(line)))
  const ada = await signIn()
  const { id, act } = await chatbotOf(ada)
  const first = await newKey(ada, id)
  const second = (await act(first.id, 'rotate')).body
  await act(first.id, 'revoke')
  const third = (await act(second.id, 'rotate', { grace_seconds: 60 })).body
  await act(second.id, 'revoke')
  await ada('DELETE', `/chatbots/${id}`)
  expect(
    lines.filter(({ event }) => event.startsWith('api_key_')).map(({ event, target_id }) => [event, target_id]),
  ).toEqual([
    ['api_key_created', first.id],
    ['api_key_created', second.id],
    ['api_key_revoked', first.id],
    ['api_key_created', third.id],
    ['api_key_revoked', second.id],
    ['api_key_revoked', third.id],
  ])
  for (const { key } of [first, second, third]) expect(JSON.stringify(lines)).not.toContain(key)
})

test('a database that leaks has neither keys nor secrets of endpoints', async () => {
  const ada = await signIn()
  const llm_api_key = `sk-${crypto.randomUUID()}`
  const headers = { 'idempotency-key': 'leak' }
  const given = { name: 'Leaky', llm_endpoint_url: 'https://api.example.com/v1', llm_api_key }
  const { id } = (await ada('POST', '/chatbots', given, { headers })).body
  const first = (await ada('POST', `/chatbots/${id}/api-keys`, { name: 'Leaky' }, { headers })).body
  const second = (await ada('POST', `/chatbots/${id}/api-keys/${first.id}/rotate`, {}, { headers })).body
  await ada('PATCH', `/chatbots/${id}`, { instructions: 'Other', llm_api_key: `${llm_api_key}-2` })
  const { results: tables } = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'",
  ).all<{ name: string }>()
  const rows = await env.DB.batch(tables.map(({ name }) => env.DB.prepare(`SELECT * FROM "${name}"`)))
  const dump = JSON.stringify(rows.map(({ results }) => results))
  expect(dump).toContain(first.last_four)
  for (const { key } of [first, second]) {
    expect(kindOfApiKey(key)).toBe('sk')
    expect(dump).not.toContain(key)
    expect(dump).not.toContain(key.slice(14, -4))
  }
  expect(dump).not.toContain(llm_api_key)
  expect(dump).not.toContain(await sha256(llm_api_key))
})
