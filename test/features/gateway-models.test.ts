import { env } from 'cloudflare:workers'
import { expect, inject, test } from 'vitest'
import { app } from '../../src/app.ts'
import { newChatbot, newKeyHolder } from '../support/chatbots.ts'
import { one, type SignedIn, until } from '../support/client.ts'
import { signInWith } from '../support/plans.ts'
import { reply, type Step, script } from '../support/upstream.ts'

const COMPLETIONS = '/v1/chat/completions'
const say = (content: string, more: object = {}) => ({
  model: 'default',
  messages: [{ role: 'user', content }],
  ...more,
})

// biome-ignore lint/suspicious/noExplicitAny: what the fake was sent
type Sent = any
const sentTo = async ({ calls }: Awaited<ReturnType<typeof script>>): Promise<Sent[]> =>
  (await calls()).map(({ body }) => body)

const newBot = async (user: SignedIn, settings: object = {}) =>
  newKeyHolder(user, (await newChatbot(user, { model: 'gpt-4o-mini', ...settings })).id)

const lookup = { type: 'function', function: { name: 'lookup', parameters: { type: 'object', properties: {} } } }
const calling: Step[] = [
  { text: 'Let me see. ' },
  { call: { id: 'call_a', name: 'lookup', arguments: '{"q":"a"}' } },
  { call: { id: 'call_b', name: 'lookup', arguments: '{"q":"b"}' }, index: 1 },
  { finish: 'tool_calls' },
  { usage: { prompt_tokens: 10, completion_tokens: 8 } },
  { done: true },
]

test('tools of a client are called by the model and answered by the client', async () => {
  const bot = await newBot(await signInWith())
  const given = await script(calling, reply(2))
  const more = { tools: [lookup], tool_choice: 'auto', parallel_tool_calls: true }
  for (const way of [{}, { store: false }]) {
    const asked = await script(calling)
    const { body } = await bot('POST', COMPLETIONS, say(asked.prompt, { ...more, ...way }))
    expect(body.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'Let me see. ',
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'lookup', arguments: '{"q":"a"}' } },
          { id: 'call_b', type: 'function', function: { name: 'lookup', arguments: '{"q":"b"}' } },
        ],
      },
    })
    expect((await sentTo(asked))[0]).toMatchObject(more)
  }
  const { body: first } = await bot('POST', COMPLETIONS, say(given.prompt, more))
  const { message } = first.choices[0]
  const answers = message.tool_calls.map(({ id }: { id: string }) => ({
    role: 'tool',
    tool_call_id: id,
    content: 'Found',
  }))
  const messages = [{ role: 'user', content: given.prompt }, { ...message, index: 0 }, ...answers]
  const { body: second } = await bot('POST', COMPLETIONS, { model: 'default', messages, ...more })
  expect(second.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'w1 w2 ' } })
  const [, sent] = await sentTo(given)
  expect(sent.messages[1]).toMatchObject({ role: 'assistant', tool_calls: message.tool_calls })
  expect(sent.messages.slice(2)).toEqual(answers)
})

test('a stream has each call whole, in a chunk of its own', async () => {
  const bot = await newBot(await signInWith())
  const { prompt } = await script(calling)
  const response = await bot.open('POST', COMPLETIONS, say(prompt, { tools: [lookup], stream: true }))
  const chunks = (await response.text())
    .split('\n')
    .flatMap((line) => (/^data: \{/.test(line) ? [JSON.parse(line.slice(6))] : []))
  expect(chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? [])).toEqual([
    { index: 0, id: 'call_a', type: 'function', function: { name: 'lookup', arguments: '{"q":"a"}' } },
    { index: 1, id: 'call_b', type: 'function', function: { name: 'lookup', arguments: '{"q":"b"}' } },
  ])
  expect(chunks.at(-1).choices[0].finish_reason).toBe('tool_calls')
})

test('pictures and names go on as they came', async () => {
  const bot = await newBot(await signInWith())
  const asked = await script(reply(1))
  const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } }
  const messages = [
    { role: 'developer', content: 'Be kind' },
    { role: 'user', name: 'ada', content: [picture, { type: 'text', text: asked.prompt }] },
  ]
  expect((await bot('POST', COMPLETIONS, { model: 'default', messages })).status).toBe(200)
  expect((await sentTo(asked))[0].messages).toEqual(messages)
})

test('what a chatbot knows is told as data, after its instructions and before what is said', async () => {
  const ada = await signInWith()
  await env.DB.prepare(
    'UPDATE plans SET storage_bytes = 1e9, file_bytes = 1e6 WHERE id = (SELECT plan FROM users WHERE id = ?)',
  )
    .bind(ada.user.id)
    .run()
  const put = async (name: string, raw: string) =>
    (await ada('PUT', `/upload?filename=${name}`, undefined, { raw })).body.id as string
  const [kept, gone] = [await put('prices.txt', 'A walk is 12 euros'), await put('old.txt', 'A walk was 3 euros')]
  await until(
    async () =>
      (await one('SELECT 1 FROM files WHERE id IN (?, ?) AND text_status = ?', kept, gone, 'processing')) === null,
  )
  const bot = await newBot(ada, { instructions: 'Sell walks', files: [kept, gone] })
  await ada('DELETE', `/files/${gone}`)
  const asked = await script(reply(1))
  await bot('POST', COMPLETIONS, say(asked.prompt))
  const [{ messages }] = await sentTo(asked)
  expect(messages.map(({ role }: { role: string }) => role)).toEqual(['system', 'user', 'user'])
  expect(messages[0].content).toBe('Sell walks')
  expect(messages[1].content).toContain('A walk is 12 euros')
  expect(JSON.stringify(messages)).not.toContain('3 euros')
})

test('a change of a chatbot holds for the next completion, which names the version', async () => {
  const ada = await signInWith()
  const { id } = await newChatbot(ada, { model: 'gpt-4o-mini', instructions: 'One' })
  const bot = await newKeyHolder(ada, id)
  const versionOf = async () => {
    const asked = await script(reply(1))
    const { headers } = await bot('POST', COMPLETIONS, say(asked.prompt))
    const run = await one<{ version: number }>(
      'SELECT chatbot_version AS version FROM runs WHERE id = ?',
      headers.get('x-run-id'),
    )
    return [run!.version, (await sentTo(asked))[0].messages[0].content]
  }
  expect(await versionOf()).toEqual([1, 'One'])
  await ada('PATCH', `/chatbots/${id}`, { instructions: 'Two' })
  expect(await versionOf()).toEqual([2, 'Two'])
})

test('a chatbot with the internet on searches by itself, unseen, unless the client has tools of its own', async () => {
  const bot = await newBot(await signInWith(), { internet_enabled: true })
  const searching: Step[] = [
    { call: { id: 's1', name: 'web_search', arguments: '{"query":"walks"}' } },
    { finish: 'tool_calls' },
    { usage: { prompt_tokens: 10, completion_tokens: 8 } },
  ]
  const asked = await script(searching, reply(2))
  const { body } = await bot('POST', COMPLETIONS, say(asked.prompt))
  expect(body.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'w1 w2 ' } })
  expect(body.choices[0].message.tool_calls).toBeUndefined()
  expect((await sentTo(asked)).length).toBe(2)
  const own = await script(reply(1))
  await bot('POST', COMPLETIONS, say(own.prompt, { tools: [lookup] }))
  expect((await sentTo(own))[0].tools).toEqual([lookup])
})

/** Asks a Worker that lets chatbots call these origins, by the short way, which needs no other object. */
async function askWhere(origins: string, token: string, body: object) {
  const waiting: Promise<unknown>[] = []
  const execution = { waitUntil: (work: Promise<unknown>) => waiting.push(work), passThroughOnException: () => {} }
  const request = new Request(`https://parley.test${COMPLETIONS}`, {
    method: 'POST',
    body: JSON.stringify({ ...body, store: false }),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })
  const variables = { ...env, LLM_ENDPOINT_ALLOWLIST: origins } as Env
  const response = await app.fetch(request, variables, execution as unknown as ExecutionContext)
  const answer = { status: response.status, body: (await response.json()) as Sent }
  await Promise.all(waiting)
  return answer
}

test('a server of one’s own gets its own key, its fallbacks are asked in order, and it costs nothing', async () => {
  const origin = `http://127.0.0.1:${inject('upstreamPort')}`
  const ada = await signInWith({ tiers: [] })
  const { id } = await newChatbot(ada, {
    llm_endpoint_url: 'https://one.example.com/one/v1',
    llm_api_key: 'key-of-the-endpoint-1234',
    model: 'mine',
    fallbacks: [{ llm_endpoint_url: 'https://two.example.com/two/v1', model: 'spare' }],
  })
  const { key } = await newKeyHolder(ada, id)
  const fallbacks = JSON.stringify([{ llm_endpoint_url: `${origin}/two/v1`, model: 'spare' }])
  await env.DB.prepare('UPDATE chatbot_versions SET llm_endpoint_url = ?, fallbacks = ? WHERE chatbot_id = ?')
    .bind(`${origin}/one/v1`, fallbacks, id)
    .run()
  const asked = await script([{ status: 500 }], reply(2))
  const { status, body } = await askWhere(origin, key, say(asked.prompt))
  expect([status, body.choices[0].message.content]).toEqual([200, 'w1 w2 '])
  const calls = await asked.calls()
  expect(calls.map(({ url, body }) => [url.split('/')[1], (body as Sent).model])).toEqual([
    ['one', 'mine'],
    ['two', 'spare'],
  ])
  // The secret is of another origin, so it stays at home; and so does the key of the operator's provider.
  expect(calls.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined])
  expect(await one('SELECT cost_microusd, charged_tokens FROM usage_ledger WHERE user_id = ?', ada.user.id)).toEqual({
    cost_microusd: 0,
    charged_tokens: 12,
  })
  const refused = await askWhere('https://elsewhere.example.com', key, say((await script(reply(1))).prompt))
  expect([refused.status, refused.body.error.code]).toEqual([502, 'upstream_refused'])
})
