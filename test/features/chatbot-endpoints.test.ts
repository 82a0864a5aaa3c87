import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { configOf } from '../../src/env.ts'
import { unsealFor } from '../../src/features/chatbots/service/sealing.ts'
import { newSecret } from '../../src/lib/ids.ts'
import { askWith, faultOf, newChatbot } from '../support/chatbots.ts'
import { countOf, type SignedIn, signIn } from '../support/client.ts'

const URL_A = 'https://api.example.com/v1'
const A = 'https://api.example.com'
const B = 'https://models.example.org'

const newKey = () => `sk-${crypto.randomUUID()}`

/** What is stored for a chatbot, opened: by origin. */
async function secretsOf(chatbotId: string) {
  const query = env.DB.prepare('SELECT origin, sealed FROM chatbot_secrets WHERE chatbot_id = ? ORDER BY origin')
  const { results } = await query.bind(chatbotId).all<{ origin: string; sealed: string }>()
  const opened = results.map(async ({ origin, sealed }) => [
    origin,
    await unsealFor(configOf(env), { chatbotId, origin, sealed }),
  ])
  return Object.fromEntries(await Promise.all(opened))
}

const change = async (user: SignedIn, id: string, changes: object) => {
  const { status, body } = await user('PATCH', `/chatbots/${id}`, changes)
  expect([status, body.errors]).toEqual([200, undefined])
  return body
}

afterEach(() => vi.restoreAllMocks())

test('a key is stored for the origin of its address, told of, and never shown', async () => {
  const ada = await signIn()
  const llm_api_key = newKey()
  const made = await newChatbot(ada, { llm_endpoint_url: URL_A, llm_api_key, model: 'anything/at-all' })
  expect(made).toMatchObject({ llm_endpoint_url: URL_A, llm_api_key_set: true, model: 'anything/at-all' })
  expect(await secretsOf(made.id)).toEqual({ [A]: llm_api_key })
  const bodies = [
    made,
    (await ada('GET', `/chatbots/${made.id}`)).body,
    (await ada('GET', '/chatbots')).body,
    (await ada('GET', `/chatbots/${made.id}/versions`)).body,
    (await ada('GET', '/users/me/export')).body,
  ]
  expect(JSON.stringify(bodies)).not.toContain(llm_api_key)
})

test('a key stays for its origin, whatever the path, and goes with the origin, in the batch of the change', async () => {
  const ada = await signIn()
  const key = newKey()
  const { id } = await newChatbot(ada, { llm_endpoint_url: URL_A, llm_api_key: key })
  expect(await change(ada, id, { llm_endpoint_url: `${A}/v2` })).toMatchObject({ llm_api_key_set: true, version: 2 })
  expect(await change(ada, id, { instructions: 'Be brief' })).toMatchObject({ llm_api_key_set: true })
  expect(await secretsOf(id)).toEqual({ [A]: key })
  expect(await change(ada, id, { llm_endpoint_url: B })).toMatchObject({ llm_api_key_set: false, version: 4 })
  expect(await secretsOf(id)).toEqual({})
  expect(await change(ada, id, { llm_endpoint_url: URL_A })).toMatchObject({ llm_api_key_set: false })
  const both = { llm_endpoint_url: B, llm_api_key: key }
  expect(await change(ada, id, both)).toMatchObject({ llm_api_key_set: true })
  expect(await change(ada, id, { llm_endpoint_url: null })).toMatchObject({ llm_api_key_set: false })
  expect(await secretsOf(id)).toEqual({})
})

test('a new key takes the place of the one before, null removes it, and neither is a new version', async () => {
  const ada = await signIn()
  const { id } = await newChatbot(ada, { llm_endpoint_url: URL_A })
  for (const llm_api_key of [newKey(), newKey()]) {
    expect(await change(ada, id, { llm_api_key })).toMatchObject({ llm_api_key_set: true, version: 1 })
    expect(await secretsOf(id)).toEqual({ [A]: llm_api_key })
  }
  expect(await change(ada, id, { llm_api_key: null })).toMatchObject({ llm_api_key_set: false, version: 1 })
  expect(await secretsOf(id)).toEqual({})
})

test('fallbacks have keys for their origins, one of the same origin shares it, and what none uses is forgotten', async () => {
  const ada = await signIn()
  const [first, second] = [newKey(), newKey()]
  const { id, fallbacks } = await newChatbot(ada, {
    llm_endpoint_url: URL_A,
    llm_api_key: first,
    fallbacks: [
      { llm_endpoint_url: `${A}/other`, model: 'small' },
      { llm_endpoint_url: B, llm_api_key: second },
    ],
  })
  expect(fallbacks).toEqual([
    { llm_endpoint_url: `${A}/other`, model: 'small', llm_api_key_set: true },
    { llm_endpoint_url: B, model: null, llm_api_key_set: true },
  ])
  expect(await secretsOf(id)).toEqual({ [A]: first, [B]: second })
  expect(await change(ada, id, { llm_endpoint_url: null, model: null })).toMatchObject({ llm_api_key_set: false })
  expect(await secretsOf(id)).toEqual({ [A]: first, [B]: second })
  const kept = await change(ada, id, { fallbacks: [{ llm_endpoint_url: B, model: 'large' }] })
  expect(kept.fallbacks).toEqual([{ llm_endpoint_url: B, model: 'large', llm_api_key_set: true }])
  expect(await secretsOf(id)).toEqual({ [B]: second })
  await change(ada, id, { fallbacks: [{ llm_endpoint_url: B, llm_api_key: null }] })
  expect(await secretsOf(id)).toEqual({})
})

test('a key without an address, or beside another of its origin, is refused', async () => {
  const ada = await signIn()
  const { id } = await newChatbot(ada)
  const llm_api_key = newKey()
  const twice = [
    { llm_endpoint_url: A, llm_api_key },
    { llm_endpoint_url: URL_A, llm_api_key: newKey() },
  ]
  for (const [method, path] of [
    ['POST', '/chatbots'],
    ['PATCH', `/chatbots/${id}`],
  ] as const) {
    const ask = async (more: object) => faultOf(await ada(method, path, { name: 'Fine', ...more }))
    expect(await ask({ llm_api_key })).toEqual([422, '/llm_api_key'])
    expect(await ask({ fallbacks: twice })).toEqual([422, '/fallbacks/1/llm_api_key'])
    expect(await ask({ fallbacks: [twice[0], { ...twice[1], llm_api_key: null }] })).toEqual([
      422,
      '/fallbacks/1/llm_api_key',
    ])
  }
  expect(await secretsOf(id)).toEqual({})
})

test('an address that is not of the public internet is refused where it stands, and the log names its host alone', async () => {
  const lines: { event: string; host?: string }[] = []
  vi.spyOn(console, 'warn').mockImplementation((line) => lines.push(JSON.parse(line)))
  const ada = await signIn()
  const { id } = await newChatbot(ada)
  const hidden = crypto.randomUUID()
  const refused: [string, string | null][] = [
    ['http://api.example.com/v1', 'api.example.com'],
    ['https://localhost/v1', 'localhost'],
    ['https://169.254.169.254/latest', '169.254.169.254'],
    ['https://0x7f.1/', '127.0.0.1'],
    [`https://user:${hidden}@api.example.com/`, 'api.example.com'],
    [`https://api.example.com/v1?key=${hidden}`, 'api.example.com'],
    [`https://api.example.com/#${hidden}`, 'api.example.com'],
    ['https://api.example.com:8443/', 'api.example.com'],
    ['https://parley.test/api/v1', 'parley.test'],
    [`nothing-${hidden}`, null],
  ]
  for (const [llm_endpoint_url] of refused) {
    const made = await ada('POST', '/chatbots', { name: 'Bad', llm_endpoint_url })
    expect([llm_endpoint_url, ...faultOf(made)]).toEqual([llm_endpoint_url, 422, '/llm_endpoint_url'])
    expect(JSON.stringify(made.body)).not.toContain(hidden)
    const fallbacks = [{ llm_endpoint_url: A }, { llm_endpoint_url }]
    const changed = await ada('PATCH', `/chatbots/${id}`, { fallbacks })
    expect(faultOf(changed)).toEqual([422, '/fallbacks/1/llm_endpoint_url'])
  }
  expect(lines.filter(({ event }) => event === 'ssrf_refused').map(({ host }) => host)).toEqual(
    refused.flatMap(([, host]) => [host, host]),
  )
  expect(JSON.stringify(lines)).not.toContain(hidden)
  expect(faultOf(await ada('POST', '/chatbots', { name: 'Bad', llm_endpoint_url: `${A}/a b` }))).toEqual([
    422,
    '/llm_endpoint_url',
  ])
  expect(await countOf('chatbots WHERE user_id = ?', ada.user.id)).toBe(1)
  expect((await ada('GET', `/chatbots/${id}`)).body).toMatchObject({ version: 1, fallbacks: [] })
})

test('our own hosts are those of the request and of APP_URL, with what is below them', async () => {
  const ada = await signIn()
  const ask = (llm_endpoint_url: string) =>
    askWith({ APP_URL: 'https://chat.example.net/app' }, ada, 'POST', '/chatbots', { name: 'Self', llm_endpoint_url })
  for (const host of ['chat.example.net', 'api.chat.example.net', 'parley.test']) {
    expect(faultOf(await ask(`https://${host}/v1`))).toEqual([422, '/llm_endpoint_url'])
  }
  expect((await ask('https://example.net/v1')).status).toBe(201)
})

test('the operator can refuse all addresses, or all but some', async () => {
  const ada = await signIn()
  const off = { LLM_ENDPOINTS: 'off' }
  const listed = { LLM_ENDPOINT_ALLOWLIST: 'http://localhost:11434' }
  const ask = (variables: object, llm_endpoint_url: string) =>
    askWith(variables, ada, 'POST', '/chatbots', { name: 'Local', llm_endpoint_url })
  expect(faultOf(await ask(off, URL_A))).toEqual([422, '/llm_endpoint_url'])
  expect(faultOf(await ask(listed, URL_A))).toEqual([422, '/llm_endpoint_url'])
  const { body, status } = await ask(listed, 'http://localhost:11434/v1')
  expect(status).toBe(201)
  // What was stored before is judged at the call, and not when something else is changed.
  const path = `/chatbots/${body.id}`
  expect((await askWith(off, ada, 'PATCH', path, { instructions: 'Go on' })).status).toBe(200)
  expect(faultOf(await askWith(off, ada, 'PATCH', path, { fallbacks: [{ llm_endpoint_url: A }] }))).toEqual([
    422,
    '/fallbacks/0/llm_endpoint_url',
  ])
})

test('without an address the model must be served here', async () => {
  const ada = await signIn()
  const { id } = await newChatbot(ada, { llm_endpoint_url: URL_A, model: 'mine' })
  const ask = async (changes: object) => faultOf(await ada('PATCH', `/chatbots/${id}`, changes))
  expect(await ask({ llm_endpoint_url: null })).toEqual([422, '/model'])
  expect(await ask({ llm_endpoint_url: null, model: 'theirs' })).toEqual([422, '/model'])
  expect(await ask({ model: 'theirs' })).toEqual([200, undefined])
  expect(await ask({ llm_endpoint_url: null, model: 'parley-offline' })).toEqual([200, undefined])
  expect(await ask({ model: 'mine' })).toEqual([422, '/model'])
  expect(await ask({ model: null })).toEqual([200, undefined])
})

test('a server without ENCRYPTION_KEY keeps no key, says what to set, and does all the rest', async () => {
  const ada = await signIn()
  const bare = { ENCRYPTION_KEY: undefined }
  const { id } = await newChatbot(ada, { llm_endpoint_url: URL_A, llm_api_key: newKey() })
  const given = { name: 'Bare', llm_endpoint_url: URL_A, llm_api_key: newKey() }
  for (const [method, path] of [
    ['POST', '/chatbots'],
    ['PATCH', `/chatbots/${id}`],
  ] as const) {
    const { status, body } = await askWith(bare, ada, method, path, given)
    expect([status, body.code, body.detail]).toEqual([503, 'not_configured', expect.stringContaining('ENCRYPTION_KEY')])
  }
  expect((await ada('GET', '/chatbots')).body).toMatchObject([{ name: 'Support' }])
  expect((await askWith(bare, ada, 'POST', '/chatbots', { name: 'Keyless', llm_endpoint_url: URL_A })).status).toBe(201)
  expect((await askWith(bare, ada, 'PATCH', `/chatbots/${id}`, { llm_api_key: null })).body).toMatchObject({
    llm_api_key_set: false,
  })
})

test('a sealed key that is moved to another origin or chatbot opens nothing, and one of the key before still opens', async () => {
  const ada = await signIn()
  const secret = newKey()
  const [one, two] = [await newChatbot(ada, { llm_endpoint_url: A, llm_api_key: secret }), await newChatbot(ada)]
  const { sealed } = (await env.DB.prepare('SELECT sealed FROM chatbot_secrets WHERE chatbot_id = ?')
    .bind(one.id)
    .first<{ sealed: string }>())!
  const open = (more: object, config = configOf(env)) =>
    unsealFor(config, { chatbotId: one.id, origin: A, sealed, ...more })
  expect(await open({})).toBe(secret)
  for (const more of [{ origin: B }, { origin: `${A}:443` }, { chatbotId: two.id }, { sealed: 'a.b.c' }]) {
    expect(await open(more)).toBe(undefined)
  }
  const { ENCRYPTION_KEY: before, ...rest } = configOf(env)
  const fresh = newSecret()
  expect(await open({}, { ...rest, ENCRYPTION_KEY: fresh, ENCRYPTION_KEY_PREVIOUS: before })).toBe(secret)
  expect(await open({}, { ...rest, ENCRYPTION_KEY: fresh })).toBe(undefined)
})

test('a key and another origin at the same time never leave a key of the one with the other', async () => {
  const ada = await signIn()
  for (const _ of [1, 2, 3]) {
    const { id } = await newChatbot(ada, { llm_endpoint_url: A })
    await Promise.all([
      ada('PATCH', `/chatbots/${id}`, { llm_api_key: newKey() }),
      ada('PATCH', `/chatbots/${id}`, { llm_endpoint_url: B }),
    ])
    // A key that comes second is for the address that is there by then.
    expect(Object.keys(await secretsOf(id)).filter((origin) => origin !== B)).toEqual([])
  }
})
