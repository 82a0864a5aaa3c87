import { env, exports } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { NEWEST_MIGRATION } from '../../src/features/system/service.ts'
import { createApp } from '../../src/http/create-app.ts'
import { authed } from '../../src/http/guards.ts'
import { client, countOf, one, openApi, PASSWORD, signIn, startConversation } from '../support/client.ts'
import { operationsOf } from '../support/contract.ts'
import { signInWith } from '../support/plans.ts'

const anyone = client()

afterEach(() => vi.restoreAllMocks())
const fetchPath = (path: string, init?: RequestInit) => exports.default.fetch(`https://parley.test${path}`, init)

/** Opening an operation to everybody is a decision that shows here. */
const OPEN = [
  'createToken',
  'forgotPassword',
  'getHealth',
  'getReadiness',
  'getShared',
  'getUploadOptions',
  'listPlans',
  'login',
  'logout',
  // They take their credential where a browser can put it, and refuse over the socket.
  'openSocket',
  'openSocketAs',
  'refresh',
  'register',
  'resendVerification',
  'resetPassword',
  'verifyEmail',
]

test('every operation but the open ones answers 401 without a token, those of admins 403 to others, and the rest 404 for what is somebody else’s, missing or malformed', async () => {
  const operations = operationsOf(await openApi())
  const isOpen = ({ operation }: (typeof operations)[number]) =>
    operation.security!.every((scheme) => Object.keys(scheme).length === 0) || operation.operationId === 'logout'
  expect(
    operations
      .filter(isOpen)
      .map(({ operation }) => operation.operationId)
      .sort(),
  ).toEqual(OPEN)
  const [ada, bob] = [await signIn(), await signIn()]
  const { body: his } = await bob('POST', '/chat', { message: 'Secret', model: 'parley-offline' })
  const { body: share } = await bob('POST', `/conversations/${his.chat_id}/shares`, {})
  const { body: project } = await bob('POST', '/projects', { name: 'His' })
  const { body: sessions } = await bob('GET', '/auth/sessions')
  const { body: file } = await bob('PUT', '/upload?filename=a.txt', undefined, { raw: 'Secret' })
  const { body: channel } = await bob('POST', '/channels', { name: 'His', visibility: 'private' })
  const { body: chatbot } = await bob('POST', '/chatbots', { name: 'His' })
  const { body: key } = await bob('POST', `/chatbots/${chatbot.id}/api-keys`, { name: 'His' })
  const tus = { 'tus-resumable': '1.0.0' }
  const upload = await bob('POST', '/uploads', undefined, { headers: { ...tus, 'upload-length': '3' } })
  const foreign: Record<string, string> = {
    conversations: his.chat_id,
    chats: his.chat_id,
    messages: his.message_id,
    projects: project.id,
    files: file.id,
    uploads: upload.headers.get('location')!.split('/').at(-1)!,
    runs: his.run_id,
    sessions: sessions[0].id,
    shares: share.id,
    channels: channel.id,
    chatbots: chatbot.id,
    users: bob.user.id,
  }
  const names = { email: null, username: 'somebody-else', display_name: 'Somebody' }
  const bodies: Record<string, object> = {
    createMessage: { content: 'Hi' },
    createProject: { name: 'Hi' },
    updateConversation: { title: 'Hi' },
    updateProject: { name: 'Hi' },
    updateMessage: { feedback: { rating: 'up' } },
    createUser: { username: 'made-by-nobody', password: PASSWORD },
    updateUser: { display_name: 'Mallory' },
    replaceUser: names,
    adminUpdateUser: { role: 'admin' },
    adminSetRole: { role: 'admin' },
    updateChannel: { name: 'Mine' },
    addMember: { username: ada.user.username },
    updateMember: { role: 'moderator' },
    sendChannelMessage: { content: 'Hi' },
    editChannelMessage: { content: 'Hi' },
    markChannelRead: { seq: 1 },
    createChatbot: { name: 'Hi' },
    updateChatbot: { name: 'Mine' },
    createApiKey: { name: 'Mine' },
  }
  const within = (template: string) =>
    template
      .replace(/\{(message_id|invite_id)\}/, crypto.randomUUID())
      .replace('{key_id}', key.id)
      .replace('{user_id}', bob.user.id)
      .replace('{username}', bob.user.username)
      .replace('{emoji}', '%F0%9F%91%8D')
      .replace(/reactions$/, 'reactions?emoji=%F0%9F%91%8D')
  for (const { operation, method, ...found } of operations.filter((each) => !isOpen(each))) {
    const template = within(found.template)
    const isAppend = operation.operationId === 'appendToUpload'
    const body = operation.requestBody && !isAppend ? (bodies[operation.operationId] ?? {}) : undefined
    const piece = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
    const init = isAppend ? { headers: { ...tus, ...piece }, raw: 'x' } : { headers: tus }
    const path = template.replace('{id}', foreign.users!)
    expect([operation.operationId, (await anyone(method, path, body, init)).status]).toEqual([
      operation.operationId,
      401,
    ])
    const resource = /(\w+)\/\{id\}/.exec(template)?.[1]
    if (operation.security!.some((scheme) => 'admin' in scheme)) {
      const { status, body: problem } = await ada(method, template.replace('{id}', foreign[resource!]!), body)
      expect([operation.operationId, status, problem.code]).toEqual([operation.operationId, 403, 'forbidden'])
      continue
    }
    if (!resource) continue
    for (const id of [foreign[resource]!, crypto.randomUUID(), 'no-uuid']) {
      const { status, body: problem } = await ada(method, template.replace('{id}', id), body, init)
      const code = problem.code ?? problem.error.code
      expect([operation.operationId, status, code]).toEqual([
        operation.operationId,
        404,
        expect.stringMatching(/not_found$/),
      ])
    }
  }
  expect((await bob('GET', `/conversations/${his.chat_id}`)).body.messages).toHaveLength(2)
  expect((await bob('GET', '/projects')).body).toMatchObject([{ name: 'His' }])
  expect((await bob('GET', '/shares')).body).toEqual([share])
  expect((await bob('GET', '/auth/me')).body).toEqual(bob.user)
  expect(await countOf("users WHERE username = 'made-by-nobody'")).toBe(0)
  expect((await bob('GET', '/chatbots')).body).toEqual([chatbot])
  expect((await bob('GET', `/chatbots/${chatbot.id}/api-keys`)).body).toMatchObject([{ id: key.id, revoked: false }])
  expect(await countOf("audit_log WHERE action <> 'user.exported'")).toBe(1)
  // Hundreds of requests, beside another part of the tests.
}, 60_000)

test('the document names every operation once, and every schema of an object', async () => {
  const document = await openApi()
  const ids = operationsOf(document).map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    if (schema.type === 'object' && name !== 'TokenRequest') {
      expect([name, schema.additionalProperties]).toEqual([name, false])
    }
  }
})

test('the paths that the contracts wrote reach the same operations', async () => {
  const ada = await signIn()
  for (const path of ['/api/v1/health', '/api/health', '/health']) expect((await anyone('GET', path)).status).toBe(200)
  const get = (path: string) => fetchPath(path, { headers: { authorization: `Bearer ${ada.tokens.access_token}` } })
  const id = await startConversation(ada)
  for (const path of ['/chats', '/api/chats', '/conversations', '/api/v1/chats']) {
    expect(await (await get(path)).json()).toMatchObject([{ id }])
  }
  expect((await get(`/chats/${id}/messages`)).status).toBe(200)
  expect((await get('/auth/me')).status).toBe(200)
})

test('a wrong method is 405 with the right ones, an unknown path 404', async () => {
  const wrong = await anyone('DELETE', '/conversations')
  expect(wrong).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
  expect(wrong.headers.get('allow')!.split(', ').sort()).toEqual(['GET', 'HEAD', 'POST'])
  for (const path of ['/nothing', '/.env', '/.git/config', '/api/v1/conversations/a/b/c', '//evil.example']) {
    expect((await fetchPath(path)).status).toBe(404)
  }
  expect((await fetchPath('/api/v1/health', { method: 'HEAD' })).status).toBe(200)
})

test('bad bodies get their own 4xx, and change nothing', async () => {
  const ada = await signInWith()
  const id = await startConversation(ada)
  const json = { 'content-type': 'application/json' }
  const send = (raw: BodyInit, headers: Record<string, string> = json) =>
    ada('POST', `/conversations/${id}/messages`, undefined, { raw, headers })
  const deep = `{"content":${'['.repeat(40)}${']'.repeat(40)}}`
  const cases: [BodyInit, number, string, Record<string, string>?][] = [
    ['{"content":', 400, 'bad_request'],
    ['{"content":"a",}', 400, 'bad_request'],
    ['', 400, 'bad_request'],
    [new Uint8Array([0x22, 0xff, 0x22]), 400, 'bad_request'],
    ['{"content":"a"}', 415, 'unsupported_media_type', { 'content-type': 'application/problem+json' }],
    ['{"content":"a"}', 415, 'unsupported_media_type', { 'content-type': 'application/json; charset=utf-16' }],
    [`{"${'k'.repeat(10_000)}":"\\u0000"}`, 422, 'validation_failed'],
    ['{"content":"a"}', 415, 'unsupported_media_type', { 'content-type': 'text/plain' }],
    ['{"content":"a"}', 415, 'unsupported_media_type', { 'content-type': 'constructor' }],
    ['{"content":"a"}', 415, 'unsupported_media_type', { 'content-type': 'application/x-www-form-urlencoded' }],
    [`{"content":"${'a'.repeat(300_000)}"}`, 413, 'too_large'],
    [deep, 422, 'validation_failed'],
    [`[${'1,'.repeat(10_000)}1]`, 422, 'validation_failed'],
    ['{"__proto__":{"content":"a"}}', 422, 'validation_failed'],
    ['{"content":"a\\u0000b"}', 422, 'validation_failed'],
    ['{"content":"\\ud800"}', 422, 'validation_failed'],
    ['{"content":""}', 422, 'validation_failed'],
    ['{"content":5}', 422, 'validation_failed'],
    ['{"content":"a","role":"system"}', 422, 'validation_failed'],
    ['{"content":"a","user_id":"x"}', 422, 'validation_failed'],
    [`{"content":"${'a'.repeat(32_001)}"}`, 422, 'validation_failed'],
    ['null', 422, 'validation_failed'],
  ]
  for (const [raw, status, code, headers] of cases) {
    const answer = await send(raw, headers)
    expect([String(raw).slice(0, 40), answer.status, answer.body.code]).toEqual([
      String(raw).slice(0, 40),
      status,
      code,
    ])
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'))
  }
  expect(await one('SELECT 1 FROM messages WHERE conversation_id = ?', id)).toBe(null)
})

test('a body that grows without a declared length is cut off', async () => {
  const ada = await signIn()
  let sent = 0
  const endless = new ReadableStream({
    pull(controller) {
      sent += 65_536
      controller.enqueue(new Uint8Array(65_536).fill(0x20))
      if (sent > 10_000_000) controller.close()
    },
  })
  const answer = await ada('POST', '/conversations', undefined, {
    raw: endless,
    headers: { 'content-type': 'application/json' },
  })
  expect(answer).toMatchObject({ status: 413, body: { code: 'too_large' } })
})

test('a validation error says where, and does not repeat what was sent', async () => {
  const ada = await signIn()
  const { body } = await ada('PATCH', `/conversations/${await startConversation(ada)}`, { title: 7, 'a/b': 'hunter2' })
  expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(['/a~1b', '/title'])
  expect(JSON.stringify(body)).not.toContain('hunter2')
})

test('text of every kind comes back as it was sent', async () => {
  const ada = await signIn()
  const content = `  ünïcödé 👩‍👩‍👧 \u202e rtl "quotes" '; DROP TABLE users; -- <script>\t\\n\u2028 end `
  const { body } = await ada('POST', '/chat', { message: content, model: 'parley-offline' })
  const { body: list } = await ada('GET', `/conversations/${body.chat_id}/messages`)
  expect(list[0].content).toBe(content)
})

test('the longest message is taken, counted in characters and not in bytes', async () => {
  const ada = await signIn()
  const message = '👋'.repeat(32_000)
  const long = await ada('POST', '/chat', { message, model: 'gpt-4o-mini', max_output_tokens: 16 }, { headers: {} })
  expect(long.status).toBe(200)
  expect((await ada('POST', '/chat', { message: `${message}!` })).status).toBe(422)
})

test('an envelope comes on request, with the true status, and around errors too', async () => {
  const ada = await signIn()
  const prefer = { headers: { prefer: 'envelope' } }
  const made = await ada('POST', '/conversations', { title: 'Wrapped' }, prefer)
  expect(made).toMatchObject({ status: 201, body: { code: 201, message: 'Success', data: { title: 'Wrapped' } } })
  expect(made.headers.get('preference-applied')).toBe('envelope')
  const missing = await fetchPath(`/conversations/${crypto.randomUUID()}?envelope=true`, {
    headers: { authorization: `Bearer ${ada.tokens.access_token}` },
  })
  expect(missing.status).toBe(404)
  expect(await missing.json()).toMatchObject({ code: 404, message: 'Not found', data: { code: 'not_found' } })
})

test('every answer carries the security headers, and a request id that is kept when it is sane', async () => {
  const answer = await anyone('GET', '/health', undefined, { headers: { 'x-request-id': 'abc-123' } })
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'x-request-id': 'abc-123',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
  })
  const hostile = await anyone('GET', '/health', undefined, { headers: { 'x-request-id': 'a b"c' } })
  expect(hostile.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
})

test('only the listed origins are let in, on errors too', async () => {
  const from = (origin: string, path = '/api/v1/health', method = 'GET') =>
    fetchPath(path, { method, headers: { origin, 'access-control-request-method': 'POST' } })
  const listed = await from('https://chat.example.com')
  expect(listed.headers.get('access-control-allow-origin')).toBe('https://chat.example.com')
  expect(listed.headers.get('access-control-allow-credentials')).toBe(null)
  expect(
    (await from('https://chat.example.com', '/api/v1/auth/me')).headers.get('access-control-allow-origin'),
  ).not.toBe(null)
  for (const origin of ['null', 'http://chat.example.com', 'https://chat.example.com.evil.org', 'https://evil.org']) {
    expect((await from(origin)).headers.get('access-control-allow-origin')).toBe(null)
  }
  const preflight = await from('https://chat.example.com', '/api/v1/conversations', 'OPTIONS')
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-headers')).toContain('Last-Event-ID')
})

test('who comes from no page is told of no origin, and no cache gives their answer to one', async () => {
  for (const path of ['/api/v1/health', '/api/v1/auth/me', '/v1/models']) {
    const { headers } = await fetchPath(path)
    expect(headers.get('vary')).toMatch(/\bOrigin\b/)
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
  }
})

test('a missing, short or example secret closes everything but /health, and names the variable', async () => {
  const secrets = [undefined, '', 'short', 'your-secret-key-change-me-please-now', 'a'.repeat(64)]
  for (const JWT_SECRET of secrets) {
    const wrong = { ...env, JWT_SECRET } as Env
    const get = (path: string) => app.fetch(new Request(`https://parley.test${path}`), wrong)
    expect((await get('/health')).status).toBe(200)
    for (const path of ['/', '/ready', '/conversations', '/docs', '/openapi.json', '/asyncapi.json', '/nothing']) {
      const response = await get(path)
      const problem = await response.json<{ detail: string }>()
      expect([path, response.status]).toEqual([path, 503])
      expect(problem.detail).toContain('JWT_SECRET')
      if (JWT_SECRET) expect(JSON.stringify(problem)).not.toContain(JWT_SECRET)
    }
  }
})

test('the previous secret still opens, so that nobody is signed out by a rotation', async () => {
  const ada = await signIn()
  const rotated = {
    ...env,
    JWT_SECRET: 'b7'.repeat(8) + crypto.randomUUID(),
    JWT_SECRET_PREVIOUS: env.JWT_SECRET,
  } as Env
  const execution = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext
  const request = new Request('https://parley.test/auth/me', {
    headers: { authorization: `Bearer ${ada.tokens.access_token}` },
  })
  expect((await app.fetch(request, rotated, execution)).status).toBe(200)
})

test('the system says whether it is ready, and shows its documents', async () => {
  expect(await anyone('GET', '/ready')).toMatchObject({
    status: 200,
    body: { checks: { database: 'ok', migrations: 'ok' } },
  })
  expect((await (await fetchPath('/')).json<{ message: string }>()).message).toContain('Welcome')
  for (const path of ['/docs', '/redoc']) {
    const page = await fetchPath(path)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
    expect(await page.text()).not.toMatch(/<script>|https?:\/\/(?!www\.w3\.org)/)
  }
  const headersOf = async (path: string) => {
    const { headers } = await fetchPath(path)
    return ['content-type', 'cache-control', 'content-security-policy'].map((name) => headers.get(name))
  }
  expect(await headersOf('/asyncapi.json')).toEqual(await headersOf('/openapi.json'))
  expect(await (await fetchPath('/asyncapi.json')).json()).toMatchObject({ asyncapi: '3.0.0' })
})

test('every operation with a body refuses what is none, in a way that it declares', async () => {
  const ada = await signIn()
  // A file may be anything.
  const operations = operationsOf(await openApi()).filter(
    ({ operation }) => operation.requestBody && !['putFile', 'appendToUpload'].includes(operation.operationId),
  )
  const bodies = ['', '{', '[]', 'null', '"x"', '{"__proto__":1}', '{"x":"\\u0000"}', 'x'.repeat(300_000)]
  for (const { method, template, operation } of operations) {
    const path = template.replace('{id}', crypto.randomUUID())
    const type = operation.operationId === 'createToken' ? 'application/x-www-form-urlencoded' : 'application/json'
    for (const raw of bodies) {
      const { status } = await ada(method, path, undefined, { raw, headers: { 'content-type': type } })
      const isLogout = operation.operationId === 'logout' && raw === ''
      expect([operation.operationId, raw.slice(0, 20), status >= 400]).toEqual([
        operation.operationId,
        raw.slice(0, 20),
        !isLogout,
      ])
    }
    const again = operation.operationId === 'logout' ? await signIn() : ada
    expect((await again(method, path, undefined, { raw: 'x', headers: { 'content-type': 'text/plain' } })).status).toBe(
      415,
    )
  }
})

test('a body where none is declared is not read', async () => {
  const ada = await signIn()
  const id = await startConversation(ada)
  const garbage = { raw: '{', headers: { 'content-type': 'application/json' } }
  expect((await ada('DELETE', `/conversations/${id}`, undefined, garbage)).status).toBe(204)
})

test('missing, foreign and malformed are answered with the same words', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const foreign = await startConversation(bob)
  const details = new Set<string>()
  for (const id of [foreign, crypto.randomUUID(), 'nope', '%00']) {
    const { body } = await ada('GET', `/conversations/${id}`)
    details.add(JSON.stringify({ ...body, request_id: '' }))
  }
  expect(details.size).toBe(1)
})

test('only a preflight is answered as one, with the headers of every answer', async () => {
  const preflight = await fetchPath('/api/v1/conversations', {
    method: 'OPTIONS',
    headers: { origin: 'https://chat.example.com', 'access-control-request-method': 'POST' },
  })
  expect([preflight.status, preflight.headers.get('x-content-type-options')]).toEqual([204, 'nosniff'])
  expect((await fetchPath('/api/v1/conversations', { method: 'OPTIONS' })).status).toBe(405)
  expect((await fetchPath('/nothing', { method: 'OPTIONS' })).status).toBe(404)
})

test('a variable that makes no sense closes the server, and is named without its value', async () => {
  const wrong: Record<string, string> = {
    CORS_ORIGINS: 'https://a.example/',
    JWT_SECRET_PREVIOUS: 'x'.repeat(40),
    MODELS: '[{"id":"mine"}]',
    PASSWORD_COST: '16.0',
    OPENAI_BASE_URL: 'ftp://nowhere',
    WEB_SEARCH_URL: 'file:///etc',
    WEB_SEARCH_KIND: 'crystal-ball',
    WEB_SEARCH_KEY: 'two words',
    RUN_MAX_MS: 'soon',
    RESPONSE_STYLE: 'fancy',
    ENCRYPTION_KEY: 'too-short',
    LLM_ENDPOINT_ALLOWLIST: 'https://a.example/v1',
  }
  for (const [name, value] of Object.entries(wrong)) {
    const response = await app.fetch(new Request('https://parley.test/ready'), { ...env, [name]: value } as Env)
    const problem = await response.text()
    expect([name, response.status, problem.includes(name), problem.includes(value)]).toEqual([name, 503, true, false])
  }
})

test('a D1 that says nothing is unavailable within 5 s', async () => {
  const silence = () => new Promise(() => {})
  const statement = { bind: () => statement, all: silence }
  const DB = { prepare: () => statement, batch: silence }
  const silent = { ...env, DB } as unknown as Env
  const execution = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext
  const ask = async (path: string) => {
    const startedAt = Date.now()
    const response = await app.fetch(new Request(`https://parley.test${path}`), silent, execution)
    return { response, isInTime: Date.now() - startedAt < 8_000 }
  }
  const [plans, ready, health] = await Promise.all(['/plans', '/ready', '/health'].map(ask))
  expect(await plans!.response.json()).toMatchObject({ status: 503, code: 'store_unavailable' })
  expect(plans!.response.headers.get('retry-after')).toBe('1')
  expect([plans!.isInTime, ready!.isInTime]).toEqual([true, true])
  expect([ready!.response.status, health!.response.status]).toEqual([503, 200])
})

test('every pattern of the document is one, and fits its own example', async () => {
  let patterns = 0
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return
    const { pattern, example } = node as { pattern?: unknown; example?: unknown }
    if (typeof pattern === 'string') {
      patterns += 1
      const regex = new RegExp(pattern, 'u')
      if (typeof example === 'string') expect([pattern, regex.test(example)]).toEqual([pattern, true])
    }
    Object.values(node).forEach(visit)
  }
  visit(await openApi())
  expect(patterns).toBeGreaterThan(0)
})

test('the newest migration is the one that /ready asks for', () => {
  expect(NEWEST_MIGRATION).toBe(env.TEST_MIGRATIONS.at(-1)!.name)
})

test('nothing that a client sent or was given gets into the log', async () => {
  const lines: string[] = []
  for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, level).mockImplementation((...parts) => lines.push(parts.join(' ')))
  }
  const ada = await signIn()
  const marker = `marker-${crypto.randomUUID()}`
  const { body } = await ada('POST', `/chat?token=${marker}`, { message: marker, model: 'parley-offline' })
  await ada('PATCH', `/conversations/${body.chat_id}`, { title: marker, [marker]: 1 })
  await ada('GET', `/conversations?cursor=${marker}`)
  await ada('GET', `/runs/${marker}`)
  const secret = `secret-${crypto.randomUUID()}`
  await anyone('POST', '/auth/login', { email: ada.user.email, password: secret })
  await anyone('POST', '/auth/refresh', { refresh_token: secret })
  await anyone('POST', '/auth/refresh', { refresh_token: ada.tokens.refresh_token })
  const failing = client(ada.tokens.access_token)
  await env.DB.prepare('ALTER TABLE conversations RENAME TO conversations_away').run()
  const request = () => failing.open('POST', '/conversations', { title: `${marker}\n    at ${marker} (x.ts:1:1)` })
  expect((await request().catch((error) => error)).message).toContain('→ 500 must not happen')
  await env.DB.prepare('ALTER TABLE conversations_away RENAME TO conversations').run()
  vi.restoreAllMocks()
  const log = lines.join('\n')
  expect(log).toContain('"event":"request"')
  expect(log).toContain('"event":"request_failed"')
  for (const each of [marker, secret, PASSWORD, ada.user.email, ada.tokens.access_token!, ada.tokens.refresh_token!]) {
    expect(log).not.toContain(each)
  }
})

test('an answer that no trip to D1 has let out is none', async () => {
  const ada = await signIn()
  const careless = createApp()
  const route = authed({ method: 'get', path: '/api/v1/careless', responses: { 200: { description: 'Anything' } } })
  careless.openapi(route, (c) => c.json({ leaked: true }))
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 11_000)
  const execution = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext
  const request = new Request('https://parley.test/api/v1/careless', {
    headers: { authorization: `Bearer ${ada.tokens.access_token}` },
  })
  const response = await careless.fetch(request, env, execution)
  expect([response.status, (await response.text()).includes('leaked')]).toEqual([500, false])
})
