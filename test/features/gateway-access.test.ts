import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { configOf } from '../../src/env.ts'
import { newApiKey } from '../../src/lib/api-keys.ts'
import { newChatbot, newKeyHolder } from '../support/chatbots.ts'
import {
  type Client,
  client,
  countOf,
  freshAddress,
  type Init,
  one,
  signIn,
  startConversation,
  until,
} from '../support/client.ts'
import { setPlan, signInWith } from '../support/plans.ts'
import { reply, script } from '../support/upstream.ts'

const COMPLETIONS = '/v1/chat/completions'
const say = (content: string, more: object = {}) => ({
  model: 'default',
  messages: [{ role: 'user', content }],
  ...more,
})
const hello = say('Hello', { store: false })
const codeOf = async (caller: Client, body: object, headers: Record<string, string> = {}) => {
  const answer = await caller('POST', COMPLETIONS, body, { headers })
  return [answer.status, answer.body.error?.code, answer.body.error?.param ?? null]
}
const newCaller = async (
  ofKey: Parameters<typeof newKeyHolder>[2] = {},
  ofBot: Parameters<typeof newChatbot>[1] = {},
) => {
  const ada = await signInWith()
  const chatbotId = (await newChatbot(ada, { model: 'parley-offline', ...ofBot })).id
  return { ada, chatbotId, bot: await newKeyHolder(ada, chatbotId, ofKey) }
}

test('a key opens its chatbot and the models it names, an access token all of its user’s, and nobody what is somebody else’s', async () => {
  const { ada, chatbotId, bot } = await newCaller({ models: ['gpt-4o-mini'] })
  const other = (await newChatbot(ada, { model: 'parley-offline' })).id
  const namesOf = async (caller: Client) =>
    (await caller('GET', '/v1/models')).body.data.map(({ id }: { id: string }) => id)
  expect(await namesOf(bot)).toEqual([chatbotId, 'gpt-4o-mini'])
  const minute = await until(
    async () => (await one<{ at: number | null }>('SELECT last_used_at AS at FROM api_keys WHERE id = ?', bot.id))!.at,
  )
  expect([minute % 60_000, Date.now() - minute < 120_000]).toEqual([0, true])
  expect(await namesOf(ada)).toEqual(expect.arrayContaining(['gpt-4o-mini', 'parley-offline', chatbotId, other]))
  expect((await bot('GET', `/v1/models/${chatbotId}`)).body).toMatchObject({ id: chatbotId, owned_by: ada.user.id })
  for (const model of [other, 'parley-offline', 'gpt-4.1', 'nothing', crypto.randomUUID()]) {
    expect(await codeOf(bot, { ...hello, model })).toEqual([404, 'model_not_found', 'model'])
    expect((await bot('GET', `/v1/models/${model}`)).status).toBe(404)
  }
  for (const model of [chatbotId, 'default', 'gpt-4o-mini'])
    expect((await bot('POST', COMPLETIONS, { ...hello, model })).status).toBe(200)
  for (const model of [chatbotId, other, 'parley-offline'])
    expect((await ada('POST', COMPLETIONS, { ...hello, model })).status).toBe(200)
  const bob = await signIn()
  for (const model of [chatbotId, 'default', 'gpt-4.1'])
    expect(await codeOf(bob, { ...hello, model })).toEqual([404, 'model_not_found', 'model'])
})

test('a key opens nothing but the gateway and its own runs', async () => {
  const { ada, chatbotId, bot } = await newCaller()
  const conversation = await startConversation(ada)
  for (const [method, path, status] of [
    ['GET', '/conversations', 401],
    ['GET', `/conversations/${conversation}`, 401],
    ['GET', '/users/me', 401],
    ['GET', '/admin/users', 403],
    ['GET', '/db-status', 403],
  ] as const) {
    expect((await bot(method, path)).status, path).toBe(status)
  }
  const mine = await bot('POST', COMPLETIONS, say('Hello'))
  const runId = mine.headers.get('x-run-id')!
  expect((await bot('GET', `/runs/${runId}`)).body).toMatchObject({ id: runId, kind: 'gateway', status: 'completed' })
  expect((await bot('POST', `/runs/${runId}/cancel`)).body.status).toBe('completed')
  const another = await newKeyHolder(ada, chatbotId)
  const stranger = (await newCaller()).bot
  for (const caller of [another, stranger]) {
    expect((await caller('GET', `/runs/${runId}`)).status).toBe(404)
    expect((await caller('GET', `/runs/${runId}/events`)).status).toBe(404)
    expect((await caller('POST', `/runs/${runId}/cancel`)).status).toBe(404)
    expect((await caller('GET', `${COMPLETIONS}/chatcmpl-${runId}`)).body.error.code).toBe('run_not_found')
  }
  expect((await ada('GET', `/runs/${runId}`)).status).toBe(200)
  const reply = await ada('POST', '/chat', { message: 'Hi', model: 'parley-offline' })
  expect((await ada('GET', `${COMPLETIONS}/chatcmpl-${reply.body.run_id}`)).body.error.code).toBe('run_not_found')
  expect((await bot('GET', `/runs/${reply.body.run_id}`)).status).toBe(404)
})

test('each scope is for its own, and chat for all of them', async () => {
  const { ada, chatbotId } = await newCaller()
  const statusOf = async (scopes: string[]) => {
    const isPublic = scopes.includes('chat:public')
    const origin = 'https://shop.example.com'
    const more = isPublic ? { kind: 'pk', allowed_origins: [origin] } : { scopes }
    const key = await newKeyHolder(ada, chatbotId, more)
    const from: Init = isPublic ? { headers: { origin } } : {}
    const id = crypto.randomUUID()
    return [
      (await key('POST', COMPLETIONS, hello, from)).status,
      (await key('GET', '/v1/models', undefined, from)).status,
      (await key('GET', `${COMPLETIONS}/chatcmpl-${id}`, undefined, from)).status,
      (await key('GET', `/runs/${id}`, undefined, from)).status,
    ]
  }
  expect(await statusOf(['chat'])).toEqual([200, 200, 404, 404])
  expect(await statusOf(['models'])).toEqual([403, 200, 403, 403])
  expect(await statusOf(['runs'])).toEqual([403, 403, 404, 404])
  expect(await statusOf(['chat:public'])).toEqual([200, 403, 403, 403])
})

test('junk, foreign, expired and revoked keys are told apart, and the last two start nothing from that moment', async () => {
  const { ada, bot } = await newCaller()
  expect((await bot('POST', COMPLETIONS, hello)).status).toBe(200)
  const codeFor = (token: string | undefined) => codeOf(client(token), hello)
  expect(await codeFor(undefined)).toEqual([401, 'invalid_api_key', null])
  expect(await codeFor('sk-proj-something')).toEqual([401, 'invalid_api_key', null])
  expect(await codeFor(`${bot.key.slice(0, -1)}${bot.key.endsWith('0') ? '1' : '0'}`)).toEqual([
    401,
    'invalid_api_key',
    null,
  ])
  const before = await countOf('runs WHERE user_id = ?', ada.user.id)
  // The isolate still believes in it: the statement that writes does not.
  await env.DB.prepare('UPDATE api_keys SET revoked_at = ? WHERE id = ?').bind(Date.now(), bot.id).run()
  expect(await codeOf(bot, hello)).toEqual([401, 'revoked_api_key', null])
  expect(await codeOf(bot, say('Hello'))).toEqual([401, 'revoked_api_key', null])
  expect((await bot('GET', '/v1/models')).body.error.code).toBe('revoked_api_key')
  expect(await countOf('runs WHERE user_id = ?', ada.user.id)).toBe(before)
  const { bot: short } = await newCaller({ expires_at: new Date(Date.now() + 60_000).toISOString() })
  expect((await short('POST', COMPLETIONS, hello)).status).toBe(200)
  await env.DB.prepare('UPDATE api_keys SET expires_at = ? WHERE id = ?').bind(Date.now(), short.id).run()
  expect(await codeOf(short, hello)).toEqual([401, 'expired_api_key', null])
  const { ada: gone, bot: orphan } = await newCaller()
  await orphan('POST', COMPLETIONS, hello)
  await env.DB.prepare('UPDATE users SET disabled_at = ? WHERE id = ?').bind(Date.now(), gone.user.id).run()
  expect(await codeOf(orphan, hello)).toEqual([401, 'revoked_api_key', null])
})

test('a browser key works from its pages alone, and lets nobody instruct the model', async () => {
  const origin = 'https://shop.example.com'
  const { bot } = await newCaller({ kind: 'pk', allowed_origins: [origin] })
  const answer = await bot('POST', COMPLETIONS, hello, { headers: { origin } })
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin])
  expect(answer.headers.get('vary')).toMatch(/origin/i)
  for (const headers of [
    {},
    { origin: 'https://shop.example.com.evil.example' },
    { origin: 'null' },
    { origin: 'http://shop.example.com' },
  ] as Record<string, string>[]) {
    const refused = await bot('POST', COMPLETIONS, hello, { headers })
    expect([refused.status, refused.body.error.code]).toEqual([403, 'origin_not_allowed'])
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
  }
  const from = { headers: { origin } }
  for (const role of ['system', 'developer', 'tool']) {
    const messages = [
      { role: 'user', content: 'Hi' },
      { role, content: 'Obey', ...(role === 'tool' && { tool_call_id: 'a' }) },
    ]
    const { status, body } = await bot('POST', COMPLETIONS, { ...hello, messages }, from)
    expect([status, body.error.code, body.error.param]).toEqual([400, 'role_not_allowed', 'messages[1].role'])
  }
  const tools = [{ type: 'function', function: { name: 'f' } }]
  const { body } = await bot('POST', COMPLETIONS, { ...hello, tools }, from)
  expect([body.error.code, body.error.param]).toEqual(['unsupported_parameter', 'tools'])
  const preflight = (from: string) =>
    client().open('OPTIONS', COMPLETIONS, undefined, {
      headers: {
        origin: from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-stainless-os',
      },
    })
  const granted = await preflight('https://anywhere.example')
  expect(granted.headers.get('access-control-allow-origin')).toBe('https://anywhere.example')
  expect(granted.headers.get('access-control-allow-headers')).toContain('x-stainless-os')
  expect((await preflight('http://anywhere.example')).headers.get('access-control-allow-origin')).toBeNull()
})

test('what is not supported, not known or out of bounds is refused by its name, and nothing is begun', async () => {
  const { ada, bot } = await newCaller()
  const user = { role: 'user', content: 'Hi' }
  const cases: [object, string, string][] = [
    [{ n: 2 }, 'unsupported_parameter', 'n'],
    [{ logprobs: true }, 'unsupported_parameter', 'logprobs'],
    [{ top_logprobs: 2 }, 'unsupported_parameter', 'top_logprobs'],
    [{ audio: { voice: 'a' } }, 'unsupported_parameter', 'audio'],
    [{ modalities: ['audio'] }, 'unsupported_parameter', 'modalities[0]'],
    [{ functions: [] }, 'unsupported_parameter', 'functions'],
    [{ web_search_options: {} }, 'unsupported_parameter', 'web_search_options'],
    [{ something: 1 }, 'unknown_parameter', 'something'],
    [{ temperature: 3 }, 'invalid_value', 'temperature'],
    [{ temperature: 'hot' }, 'invalid_value', 'temperature'],
    [{ max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    [{ messages: [] }, 'invalid_value', 'messages'],
    [{ messages: [{ role: 'nobody', content: 'Hi' }] }, 'invalid_value', 'messages[0].role'],
    [
      { messages: [user, { role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] },
      'unsupported_parameter',
      'messages[1].content[0].type',
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'text', text: 7 }] }] },
      'invalid_value',
      'messages[0].content[0].text',
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] }] },
      'invalid_value',
      'messages[0].content[0].image_url.url',
    ],
    [
      {
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }],
      },
      'unsupported_parameter',
      'messages',
    ],
    [{ messages: [{ role: 'user', content: 'x'.repeat(120_000) }] }, 'context_length_exceeded', 'messages'],
    [{ model: '' }, 'invalid_value', 'model'],
  ]
  for (const [more, code, param] of cases) {
    const { status, body } = await bot('POST', COMPLETIONS, { ...hello, ...more })
    expect([status, body.error.code, body.error.param], JSON.stringify(more).slice(0, 80)).toEqual([400, code, param])
  }
  expect(
    (await bot('POST', COMPLETIONS, undefined, { raw: '{', headers: { 'content-type': 'application/json' } })).body
      .error.code,
  ).toBe('invalid_value')
  const large = await bot('POST', COMPLETIONS, undefined, {
    raw: ' '.repeat(8_388_609),
    headers: { 'content-type': 'application/json' },
  })
  expect([large.status, large.body.error.code]).toEqual([413, 'request_too_large'])
  expect(await countOf('runs WHERE user_id = ?', ada.user.id)).toBe(0)
  const accepted = {
    n: 1,
    logprobs: false,
    service_tier: 'auto',
    prompt_cache_key: 'a',
    safety_identifier: 'b',
    metadata: { a: 'b' },
    modalities: ['text'],
    seed: 1,
    stop: ['x'],
    response_format: { type: 'json_object' },
    max_tokens: 1,
  }
  const { status, body } = await bot('POST', COMPLETIONS, { ...hello, ...accepted })
  expect([status, body.usage.completion_tokens, body.choices[0].finish_reason]).toEqual([200, 1, 'length'])
})

test('paths and methods that there are not are refused in OpenAI’s form too', async () => {
  const { bot } = await newCaller()
  for (const [method, path, status] of [
    ['GET', '/v1/nothing', 404],
    ['DELETE', '/v1/models', 405],
    ['GET', '/v1/chat/completions/chatcmpl-x', 404],
  ] as const) {
    const response = await bot.open(method, path)
    expect(response.status).toBe(status)
    expect((await response.json<{ error: { type: string } }>()).error.type).toBe('invalid_request_error')
  }
})

test('a key with a cap of its own spends no more than that, however many ask at once', async () => {
  const { ada, bot } = await newCaller({ monthly_token_cap: 300 })
  const { prompt } = await script(reply(20))
  const { body: first } = await bot('POST', COMPLETIONS, { ...say(prompt), model: 'default', max_tokens: 40 })
  expect(first.usage).toBeDefined()
  const answers = await Promise.all(Array.from({ length: 20 }, () => codeOf(bot, { ...hello, max_tokens: 100 })))
  expect(new Set(answers.map(([status]) => status)).size).toBeGreaterThan(1)
  await until(async () => (await countOf('reservations WHERE subject = ?', `user:${ada.user.id}`)) === 0)
  const { results } = await env.DB.prepare('SELECT charged_tokens FROM usage_ledger WHERE api_key_id = ?')
    .bind(bot.id)
    .all<{ charged_tokens: number }>()
  await until(async () => (await countOf('reservations WHERE subject = ?', `user:${ada.user.id}`)) === 0)
  const spent = results.reduce((sum, { charged_tokens }) => sum + charged_tokens, 0)
  expect(spent).toBeLessThanOrEqual(300)
  const { body } = await bot('POST', COMPLETIONS, say('x'.repeat(900), { store: false }))
  expect(body.error).toMatchObject({ type: 'insufficient_quota', code: 'key_limit_reached', limit: 300 })
  expect((await ada('POST', COMPLETIONS, { ...hello, model: 'parley-offline' })).status).toBe(200)
})

test('the plan of the owner holds for all their keys, and so does a limit of a key’s own', async () => {
  const { ada, bot } = await newCaller({ rpm: 3 })
  const statuses = []
  for (let i = 0; i < 5; i++) statuses.push((await codeOf(bot, hello)).slice(0, 2))
  expect(statuses.slice(0, 3).map(([status]) => status)).toEqual([200, 200, 200])
  expect(statuses.slice(3)).toEqual([
    [429, 'rate_limit_exceeded'],
    [429, 'rate_limit_exceeded'],
  ])
  const another = await newKeyHolder(ada, (await newChatbot(ada, { model: 'parley-offline' })).id)
  expect((await another('POST', COMPLETIONS, hello)).headers.get('ratelimit-policy')).toMatch(/^"chat"/)
  const poor = await signInWith({ messages: 1 })
  const key = await newKeyHolder(poor, (await newChatbot(poor, { model: 'parley-offline' })).id)
  await key('POST', COMPLETIONS, hello)
  expect(await codeOf(key, hello)).toEqual([402, 'plan_limit_reached', null])
  await setPlan(poor, 'free')
  expect((await codeOf(key, { ...hello, model: 'default' }))[0]).toBe(200)
})

test('who tries keys that are none is not looked up without end, and everybody else is', async () => {
  const { bot } = await newCaller()
  const from = { headers: { 'cf-connecting-ip': freshAddress() } }
  const { AUTH_RATE_LIMIT } = configOf(env)
  const tries = Array.from({ length: AUTH_RATE_LIMIT }, () =>
    client(newApiKey('sk'))('GET', '/v1/models', undefined, from),
  )
  expect(new Set((await Promise.all(tries)).map(({ status }) => status))).toEqual(new Set([401]))
  const { status, body } = await client(newApiKey('sk'))('GET', '/v1/models', undefined, from)
  expect([status, body.error.code]).toEqual([429, 'rate_limit_exceeded'])
  expect((await bot('GET', '/v1/models')).status).toBe(200)
})

test('what goes on to the model is counted, whatever field it stands in', async () => {
  const { ada, bot } = await newCaller({}, { model: 'gpt-4o-mini' })
  const { prompt, calls } = await script(reply(1))
  const long = 'x'.repeat(30_000)
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'So', refusal: long, reasoning_content: long },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: long } }],
    },
    { role: 'tool', tool_call_id: 'a', content: 'Found' },
    {
      role: 'user',
      content: [
        { type: 'text', text: prompt },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'high' } },
      ],
    },
  ]
  const { status, headers } = await bot('POST', COMPLETIONS, { ...hello, messages })
  expect(status).toBe(200)
  const run = await one<{ tokens: number }>(
    "SELECT context ->> 'tokens' AS tokens FROM runs WHERE id = ?",
    headers.get('x-run-id'),
  )
  const [call] = await calls()
  const sent = JSON.stringify((call!.body as { messages: object[] }).messages)
  expect(run!.tokens).toBeGreaterThan(10_000)
  expect(sent.length).toBeLessThan(31_500)
  // As closely as is reserved for, and no closer.
  expect(sent).toContain('"detail":"low"')
  expect(await countOf('usage_ledger WHERE user_id = ?', ada.user.id)).toBeLessThanOrEqual(1)
})
