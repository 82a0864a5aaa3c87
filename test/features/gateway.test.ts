import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { newChatbot, newKeyHolder } from '../support/chatbots.ts'
import { type Client, countOf, one, until } from '../support/client.ts'
import { signInWith } from '../support/plans.ts'
import { reply, type Step, script } from '../support/upstream.ts'

const COMPLETIONS = '/v1/chat/completions'
const say = (content: string, more: object = {}) => ({
  model: 'default',
  messages: [{ role: 'user', content }],
  ...more,
})

/** A fresh user with a chatbot and a key to it. */
async function newCaller(
  settings: Parameters<typeof newChatbot>[1] = {},
  ofKey: Parameters<typeof newKeyHolder>[2] = {},
) {
  const ada = await signInWith()
  const chatbotId = (await newChatbot(ada, settings)).id
  return { ada, chatbotId, bot: await newKeyHolder(ada, chatbotId, ofKey) }
}

type Frame = { id: string | undefined; data: string }

/** The frames of a stream to its end; comments are left out. */
async function framesOf(response: Response, take = Number.POSITIVE_INFINITY): Promise<Frame[]> {
  const frames: Frame[] = []
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of response.body!) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n\n')
    rest = parts.pop()!
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1]
      if (data !== undefined) frames.push({ id: /^id: (.*)$/m.exec(part)?.[1], data })
      if (frames.length >= take) return frames
    }
  }
  expect(rest).toBe('')
  return frames
}

const chunksOf = (frames: Frame[]) => frames.filter(({ data }) => data !== '[DONE]').map(({ data }) => JSON.parse(data))
const textOf = (frames: Frame[]) =>
  chunksOf(frames)
    .map(({ choices }) => choices?.[0]?.delta.content ?? '')
    .join('')
const stream = async (caller: Client, body: object, headers: Record<string, string> = {}) =>
  caller.open('POST', COMPLETIONS, { ...body, stream: true }, { headers })

/** Rows of the ledger of a user. */
const ledgerOf = (userId: string) =>
  env.DB.prepare('SELECT * FROM usage_ledger WHERE user_id = ?').bind(userId).all<Record<string, unknown>>()

test('a chatbot answers as a model, whole, and its owner pays once', async () => {
  const { ada, chatbotId, bot } = await newCaller({ model: 'gpt-4o-mini', instructions: 'Be brief', temperature: 0.3 })
  const { prompt, calls } = await script(reply(3))
  const { status, body, headers } = await bot(
    'POST',
    COMPLETIONS,
    say(prompt, { max_tokens: 50, top_p: 0.5, user: 'u1' }),
  )
  expect(status).toBe(200)
  expect(body).toMatchObject({
    object: 'chat.completion',
    model: chatbotId,
    choices: [{ index: 0, message: { role: 'assistant', content: 'w1 w2 w3 ' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 },
  })
  expect(body.id).toBe(`chatcmpl-${headers.get('x-run-id')}`)
  expect(headers.get('x-ratelimit-limit-requests')).toMatch(/^\d+$/)
  expect(headers.get('x-quota-remaining-messages')).toMatch(/^\d+$/)
  const [call] = await calls()
  expect(call!.body).toMatchObject({
    messages: [
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: prompt },
    ],
    temperature: 0.3,
    top_p: 0.5,
    stream: true,
    max_completion_tokens: 50,
  })
  expect(call!.body).not.toHaveProperty('user')
  const { results } = await ledgerOf(ada.user.id)
  expect(results).toMatchObject([
    {
      api_key_id: bot.id,
      chatbot_id: chatbotId,
      kind: 'gateway',
      messages: 1,
      charged_tokens: 13,
      status: 'completed',
    },
  ])
  expect(await one('SELECT * FROM runs WHERE user_id = ?', ada.user.id)).toMatchObject({
    chatbot_version: 1,
    conversation_id: null,
  })
})

test('a stream has the role first, then the text, the finish reason, the counts if asked for, and the end', async () => {
  const { bot, chatbotId } = await newCaller({ model: 'gpt-4o-mini' })
  for (const include_usage of [true, false]) {
    const { prompt } = await script(reply(4))
    const response = await stream(bot, say(prompt, { stream_options: { include_usage } }))
    expect(response.status).toBe(200)
    const frames = await framesOf(response)
    const chunks = chunksOf(frames)
    expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '' })
    expect(textOf(frames)).toBe('w1 w2 w3 w4 ')
    expect(frames.at(-1)!.data).toBe('[DONE]')
    expect(new Set(chunks.map(({ id, model, created }) => `${id} ${model} ${created}`)).size).toBe(1)
    expect(chunks[0].model).toBe(chatbotId)
    const finish = chunks.filter(({ choices }) => choices[0]?.finish_reason)
    expect(finish.map(({ choices }) => choices[0].finish_reason)).toEqual(['stop'])
    const counted = chunks.filter(({ usage }) => usage)
    expect(counted.map(({ choices, usage }) => [choices, usage.total_tokens])).toEqual(include_usage ? [[[], 14]] : [])
  }
})

test('the short way answers the same without ids, and keeps nothing that could be resumed', async () => {
  const { ada, bot } = await newCaller({ model: 'gpt-4o-mini' })
  const { prompt } = await script(reply(4))
  const response = await stream(bot, say(prompt, { store: false, stream_options: { include_usage: true } }))
  const frames = await framesOf(response)
  expect(textOf(frames)).toBe('w1 w2 w3 w4 ')
  expect(frames.map(({ id }) => id).filter(Boolean)).toEqual([])
  expect(response.headers.get('location')).toBeNull()
  await until(async () => (await ledgerOf(ada.user.id)).results.length === 1)
  const { results } = await ledgerOf(ada.user.id)
  expect(results).toMatchObject([{ charged_tokens: 14, status: 'completed' }])
  const id = response.headers.get('x-run-id')
  const { status, body } = await bot('GET', `${COMPLETIONS}/chatcmpl-${id}`)
  expect([status, body.error.code]).toEqual([410, 'run_expired'])
  expect(
    (await one<{ n: number }>(
      'SELECT messages_held + tokens_held AS n FROM quota_periods WHERE subject = ?',
      `user:${ada.user.id}`,
    ))!.n,
  ).toBe(0)
  const whole = await bot('POST', COMPLETIONS, say((await script(reply(2))).prompt, { store: false }))
  expect(whole.body.choices[0].message.content).toBe('w1 w2 ')
})

test('a stream that was cut after any event goes on with the next, and says when nothing follows', async () => {
  const { bot } = await newCaller({ model: 'gpt-4o-mini' })
  const { prompt, calls } = await script(reply(5))
  const response = await stream(bot, say(prompt))
  const whole = await framesOf(response)
  const path = response.headers.get('location')!
  const numbered = whole.filter(({ id }) => id !== undefined)
  expect(numbered.length).toBeGreaterThan(5)
  for (const [at, { id }] of numbered.entries()) {
    const resumed = await bot.open('GET', path, undefined, {
      headers: { accept: 'text/event-stream', 'last-event-id': id! },
    })
    if (at === numbered.length - 1) expect(resumed.status).toBe(204)
    else {
      const seen = whole.slice(0, whole.indexOf(numbered[at]!) + 1)
      expect([...seen, ...(await framesOf(resumed))]).toEqual(whole)
    }
  }
  const { status, body } = await bot('GET', path)
  expect([status, body.choices[0].message.content]).toEqual([200, 'w1 w2 w3 w4 w5 '])
  expect((await calls()).length).toBe(1)
})

test('what a client sends again by itself is the same completion, asked of the model once', async () => {
  const { ada, bot } = await newCaller({ model: 'gpt-4o-mini' })
  const { prompt, calls } = await script(reply(5, 20))
  const first = await bot.open('POST', COMPLETIONS, say(prompt, { stream: true }))
  await framesOf(first, 2)
  const again = await bot('POST', COMPLETIONS, say(prompt), { headers: { 'x-stainless-retry-count': '1' } })
  expect(again.body.choices[0].message.content).toBe('w1 w2 w3 w4 w5 ')
  expect(again.headers.get('x-run-id')).toBe(first.headers.get('x-run-id'))
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect((await calls()).length).toBe(1)
  expect((await ledgerOf(ada.user.id)).results.length).toBe(1)
  // Somebody who means it again says so, by not saying that it is a retry.
  await bot('POST', COMPLETIONS, say(prompt))
  expect((await calls()).length).toBe(2)
})

test('an Idempotency-Key gives one completion, in whatever form it is asked for, and never to another request', async () => {
  const { ada, bot, chatbotId } = await newCaller({ model: 'gpt-4o-mini' })
  const { prompt, calls } = await script(reply(3))
  const headers = { 'idempotency-key': 'k1' }
  const answers = await Promise.all([1, 2, 3].map(() => bot('POST', COMPLETIONS, say(prompt), { headers })))
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  const streamed = await framesOf(await stream(bot, say(prompt), headers))
  expect(textOf(streamed)).toBe('w1 w2 w3 ')
  expect((await calls()).length).toBe(1)
  expect((await ledgerOf(ada.user.id)).results.length).toBe(1)
  const other = await bot('POST', COMPLETIONS, say('Something else'), { headers })
  expect([other.status, other.body.error.code]).toEqual([422, 'idempotency_key_reused'])
  const elsewhere = await newKeyHolder(ada, chatbotId)
  await elsewhere('POST', COMPLETIONS, say(prompt), { headers })
  expect((await calls()).length).toBe(2)
})

test('an upstream that fails is an error of its class, and in a stream an error without an end', async () => {
  const { ada, bot } = await newCaller({ model: 'gpt-4o-mini' })
  const broken: Step[] = [{ text: 'Half ' }, { reset: true }]
  for (const [steps, status, code] of [
    [[{ status: 500 }], 502, 'upstream_error'],
    [[{ status: 401 }], 502, 'upstream_auth'],
    [[{ status: 429 }], 503, 'upstream_busy'],
    [[{ status: 400 }], 400, 'upstream_rejected'],
    [
      [{ status: 400, json: { error: { code: 'context_length_exceeded', message: 'x' } } }],
      400,
      'context_length_exceeded',
    ],
    [broken, 502, 'upstream_truncated'],
  ] as [Step[], number, string][]) {
    for (const more of [{}, { store: false }]) {
      const { body, ...answer } = await bot('POST', COMPLETIONS, say((await script(steps)).prompt, more))
      expect([answer.status, body.error.code, body.error.run_id]).toEqual([
        status,
        code,
        answer.headers.get('x-run-id'),
      ])
      if (steps === broken) expect([answer.headers.get('x-should-retry'), body.error.partial]).toEqual(['false', true])
      const frames = await framesOf(await stream(bot, say((await script(steps)).prompt, more)))
      const last = JSON.parse(frames.at(-1)!.data)
      expect(last.error.code).toBe(code)
      expect(chunksOf(frames).some(({ choices }) => choices?.[0]?.finish_reason)).toBe(false)
    }
  }
  await until(async () => (await countOf("runs WHERE user_id = ? AND status = 'in_progress'", ada.user.id)) === 0)
  const { results } = await ledgerOf(ada.user.id)
  expect(
    results.every(
      ({ status, charged_tokens, upstream }) => status === 'failed' && upstream !== null && Number(charged_tokens) >= 0,
    ),
  ).toBe(true)
})
