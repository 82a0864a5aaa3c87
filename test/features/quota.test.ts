import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { startReply } from '../../src/features/runs/service.ts'
import type { Runner } from '../../src/index.ts'
import {
  type Answer,
  countOf,
  countTo,
  eventsOf,
  one,
  runChores,
  type SignedIn,
  signIn,
  startConversation,
  until,
} from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'
import type { Step } from '../support/fake-openai.ts'
import { booksOf, setPlan, signInWith } from '../support/plans.ts'
import { reply, script } from '../support/upstream.ts'

const say = (user: SignedIn, conversation: string, content: string, more: object = {}): Promise<Answer> =>
  user('POST', `/conversations/${conversation}/messages`, { content, ...more })

const usage = async (user: SignedIn) => (await user('GET', '/user/usage')).body

/** The books agree with each other and with the API, and nothing is held. */
async function expectEvenBooks(user: SignedIn): Promise<{ messages: number; tokens: number }> {
  const { ledger, days, used, held, reservations } = await booksOf(user)
  const { messages, tokens, total } = await usage(user)
  expect([days, used]).toEqual([ledger, ledger])
  expect([messages.used, tokens.used]).toEqual([ledger!.messages, ledger!.tokens])
  expect([total.messages, total.charged_tokens]).toEqual([ledger!.messages, ledger!.tokens])
  expect([held, reservations]).toEqual([{ messages: 0, tokens: 0 }, 0])
  return ledger!
}

async function conversationsOf(user: SignedIn, n: number): Promise<string[]> {
  const ids = countTo(n).map(() => crypto.randomUUID())
  await env.DB.prepare(
    'INSERT INTO conversations (id, user_id, created_at, updated_at) SELECT value, ?1, key, key FROM json_each(?2)',
  )
    .bind(user.user.id, JSON.stringify(ids))
    .run()
  return ids
}

/** Lets a reply begin, ends its object as a crash does, and asks for the run, which ends it. */
async function killInTheMiddle(user: SignedIn, conversation: string): Promise<void> {
  const { prompt } = await script([{ tokens: 5 }, { hang: true }])
  const path = `/conversations/${conversation}/messages`
  const response = await user.open('POST', path, { content: prompt, stream: true })
  const runId = response.headers.get('x-run-id')
  await eventsOf(response, 3)
  if (!runId) return
  const runner = env.RUNNER.getByName(`c:${conversation}`)
  await runInDurableObject(runner, (_: Runner, state) => state.abort('killed by a test')).catch(() => {})
  await user('GET', `/runs/${runId}`)
}

test('of 200 sends at once with room for ten, ten are answered and the others told to wait, and after that to upgrade', async () => {
  const ada = await signIn()
  await setPlan(ada, 'team')
  await usage(ada)
  await env.DB.prepare('INSERT INTO quota_periods (subject, period_start, messages_used) VALUES (?, ?, 49990)')
    .bind(`user:${ada.user.id}`, Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth(), 1))
    .run()
  const [, ...conversations] = await conversationsOf(ada, 201)
  const { prompt } = await script(reply(10, 400))
  const later = { headers: { prefer: 'respond-async' } }
  const send = (id: string) => ada('POST', `/conversations/${id}/messages`, { content: prompt }, later)
  const answers = await Promise.all(conversations.map(send))
  const codes = answers.map(({ status, body }) => (status === 202 ? 202 : body.code))
  expect(codes.filter((code) => code === 202)).toHaveLength(10)
  // Four seconds: the ten still run when the last of the others is refused.
  expect(codes.filter((code) => code === 'quota_in_flight')).toHaveLength(190)
  for (const { status, body } of answers) {
    if (status !== 202) continue
    const run = await until(async () => {
      const found = (await ada('GET', `/runs/${body.id}`)).body
      return found.status !== 'in_progress' && found
    })
    expect(run).toMatchObject({ status: 'completed', usage: { output_tokens: 10 } })
  }
  const refused = answers.find(({ status }) => status === 429)!
  expect(refused.headers.get('retry-after')).toBe('2')
  expect(refused.headers.get('x-quota-remaining-messages')).toBe('0')
  const after = await say(ada, conversations[0]!, 'One more', { model: 'parley-offline' })
  expect(after).toMatchObject({
    status: 402,
    body: { code: 'plan_limit_reached', plan: 'team', limit: 50_000, used: 50_000 },
  })
  expect(await countOf('usage_ledger WHERE user_id = ?', ada.user.id)).toBe(10)
  expect(
    await countOf('messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.user_id = ?', ada.user.id),
  ).toBe(20)
  expect((await usage(ada)).messages).toEqual({ limit: 50_000, used: 50_000, held: 0 })
  expect((await booksOf(ada)).reservations).toBe(0)
}, 60_000)

test('what is held by runs that go on comes back when they end', async () => {
  const ada = await signInWith({ messages: 1 })
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const [first, second] = await conversationsOf(ada, 2)
  const events = eventsOf(
    await ada.open('POST', `/conversations/${first}/messages`, { content: prompt, stream: true }),
    1,
  )
  const [created] = await events
  expect((await usage(ada)).messages).toEqual({ limit: 1, used: 0, held: 1 })
  expect(await say(ada, second!, 'Hi')).toMatchObject({ status: 429, body: { code: 'quota_in_flight' } })
  await ada('POST', `/runs/${created!.data.run_id}/cancel`)
  expect(await say(ada, second!, 'Hi')).toMatchObject({ status: 402, body: { code: 'plan_limit_reached', used: 1 } })
  await expectEvenBooks(ada)
})

test('a plan writes only so many replies at once', async () => {
  const ada = await signInWith({ runsAtOnce: 2 })
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const conversations = await conversationsOf(ada, 5)
  const answers = await Promise.all(
    conversations.map((id) =>
      ada('POST', `/conversations/${id}/messages`, { content: prompt }, { headers: { prefer: 'respond-async' } }),
    ),
  )
  const refused = answers.filter(({ status }) => status === 429)
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(2)
  expect(refused.map(({ body }) => body.code)).toEqual(Array(3).fill('too_many_runs'))
  expect(refused[0]!.headers.get('retry-after')).toBe('2')
  for (const { status, body } of answers) if (status === 202) await ada('POST', `/runs/${body.id}/cancel`)
  expect((await say(ada, conversations[4]!, 'Hi', { model: 'parley-offline' })).status).toBe(201)
  await expectEvenBooks(ada)
})

test('output is cut to what is left of the tokens, and the answer says so', async () => {
  const ada = await signInWith({ tokens: 200 })
  const { prompt, calls } = await script(reply(50))
  const answer = await say(ada, await startConversation(ada), prompt)
  const clamped = Number(answer.headers.get('x-quota-clamped'))
  expect(answer.status).toBe(201)
  expect(clamped).toBe(200 - answer.body.context.tokens)
  expect((await calls())[0]!.body).toMatchObject({ max_completion_tokens: clamped })
  const events = await eventsOf(await ada.open('GET', `/runs/${answer.headers.get('x-run-id')}/events`))
  expect(events[0]!.data.reserved).toEqual({ tokens: 200, clamped: true })
  expect((await usage(ada)).tokens).toEqual({ limit: 200, used: 60, held: 0 })
  const whole = await say(await signInWith(), answer.body.conversation_id, 'x')
  expect(whole.status).toBe(404)
})

test('tokens that are used up are 402, and nobody is charged more than was reserved', async () => {
  const ada = await signInWith({ tokens: 100 })
  const greedy: Step[] = [
    { text: 'Much' },
    { finish: 'stop' },
    { usage: { prompt_tokens: 5_000, completion_tokens: 70_000, total_tokens: 75_000 } },
    { done: true },
  ]
  const { prompt } = await script(greedy)
  const conversation = await startConversation(ada)
  const { body } = await say(ada, conversation, prompt)
  expect(body.usage).toMatchObject({ total_tokens: 75_000, charged_tokens: 100 })
  expect(await expectEvenBooks(ada)).toEqual({ messages: 1, tokens: 100 })
  expect((await usage(ada)).total).toMatchObject({ charged_tokens: 100, unbilled_tokens: 74_900 })
  const refused = await say(ada, conversation, 'Hi')
  expect(refused).toMatchObject({ status: 402, body: { code: 'plan_limit_reached', limit: 100, used: 100 } })
  expect(new Date(refused.body.resets_at).getUTCDate()).toBe(1)
  expect(refused.headers.get('x-quota-remaining-tokens')).toBe('0')
  expect(refused.body.upgrade_url).toBe('/api/v1/user/upgrade')
  expect((await ada('GET', `/conversations/${conversation}/messages`)).body).toHaveLength(2)
})

test('a request that is repeated under its key pays once, also when nothing is left for a new one', async () => {
  const ada = await signInWith({ messages: 1 })
  const conversation = await startConversation(ada)
  const headers = { 'idempotency-key': crypto.randomUUID() }
  const send = () =>
    ada('POST', `/conversations/${conversation}/messages`, { content: 'Hi', model: 'parley-offline' }, { headers })
  const [first, again] = [await send(), await send()]
  expect([first.status, again.status]).toEqual([201, 201])
  expect(again.body.id).toBe(first.body.id)
  for (const answer of [first, again]) expect(answer.headers.get('x-quota-remaining-messages')).toBe('0')
  expect(await expectEvenBooks(ada)).toMatchObject({ messages: 1 })
})

test('a model beyond the plan is refused before anything is stored', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const refused = await say(ada, conversation, 'Hi', { model: 'o3' })
  expect(refused).toMatchObject({ status: 403, body: { code: 'model_not_allowed' } })
  const { prompt } = await script(reply(2))
  await setPlan(ada, 'team')
  expect((await say(ada, conversation, prompt, { model: 'o3' })).body.model).toBe('o3')
  expect((await ada('GET', `/conversations/${conversation}/messages`)).body).toHaveLength(2)
})

test('cancelled, left alone, failed, interrupted: each leaves one row with what was used, and says when it is an estimate', async () => {
  const ada = await signInWith()
  const rowOf = (runId: string) =>
    one<{ n: number; status: string; charged_tokens: number; estimated: number }>(
      'SELECT count(*) AS n, status, charged_tokens, estimated FROM usage_ledger WHERE run_id = ?',
      runId,
    )
  const begin = async (steps: Step[], more: object = {}) => {
    const { prompt } = await script(steps)
    const conversation = await startConversation(ada)
    const path = `/conversations/${conversation}/messages`
    const response = await ada.open('POST', path, { content: prompt, stream: true, ...more })
    return { events: eventsOf(response, 3), runId: response.headers.get('x-run-id')! }
  }
  const ended = (runId: string) => until(async () => ((await rowOf(runId))?.n ? rowOf(runId) : undefined))
  const some: Step[] = [{ tokens: 5 }, { hang: true }]

  const cancelled = await begin(some)
  await cancelled.events
  await ada('POST', `/runs/${cancelled.runId}/cancel`)
  const left = await begin(some, { on_disconnect: 'cancel' })
  await left.events
  const failed = await begin([{ tokens: 5 }, { reset: true }])
  const nothing = await begin([{ status: 400, json: { error: { message: 'no' } } }])
  const killed = await startConversation(ada)
  await killInTheMiddle(ada, killed)
  const { id } = (await one<{ id: string }>('SELECT id FROM runs WHERE conversation_id = ?', killed))!
  for (const [run, status] of [
    [cancelled, 'cancelled'],
    [left, 'cancelled'],
    [failed, 'failed'],
    [{ runId: id }, 'interrupted'],
  ] as const) {
    const row = await ended(run.runId)
    expect(row).toMatchObject({ n: 1, status, estimated: 1 })
    expect(row!.charged_tokens).toBeGreaterThan(5)
  }
  expect(await ended(nothing.runId)).toMatchObject({ n: 1, status: 'failed', charged_tokens: 0 })
  await expectEvenBooks(ada)
})

test('whatever ends the runs, in a hundred random rounds the books are even and equal what the model reported', async () => {
  const ada = await signInWith({ runsAtOnce: 3 })
  const conversations = await conversationsOf(ada, 4)
  let seed = 20_261_127
  const random = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((seed / 2_147_483_648) * n)
  }
  const endings: ((n: number) => Step[])[] = [
    (n) => reply(n),
    (n) => reply(n),
    (n) => [
      { tokens: n },
      { finish: 'length' },
      { usage: { prompt_tokens: 10, completion_tokens: n } },
      { done: true },
    ],
    (n) => [{ tokens: n }, { reset: true }],
    () => [{ status: 500 }],
    () => [{ status: 400 }],
    (n) => [{ tokens: n }, { finish: 'stop' }, { done: true }],
  ]
  let reported = 0
  const round = async (conversation: string, isKilled: boolean): Promise<void> => {
    if (isKilled) return killInTheMiddle(ada, conversation)
    const { prompt } = await script(endings[random(endings.length)]!(1 + random(9)))
    const { status, body } = await say(ada, conversation, prompt)
    if (status === 201 && !body.usage.estimated) reported += body.usage.total_tokens
  }
  for (const n of countTo(100)) {
    await Promise.all(conversations.map((conversation, at) => round(conversation, at === 0 && n % 6 === 0)))
  }
  await until(async () => (await countOf("runs WHERE user_id = ? AND status = 'in_progress'", ada.user.id)) === 0)
  const { messages } = await expectEvenBooks(ada)
  expect(messages).toBeGreaterThan(100)
  const exact = await one<{ tokens: number }>(
    'SELECT sum(charged_tokens) AS tokens FROM usage_ledger WHERE user_id = ? AND estimated = 0',
    ada.user.id,
  )
  expect(exact!.tokens).toBe(reported)
  const runs = await countOf('runs WHERE user_id = ?', ada.user.id)
  expect(await countOf('usage_ledger WHERE user_id = ?', ada.user.id)).toBe(runs)
}, 120_000)

test('what a fault left held is given back, and what a run holds that goes on is not', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const path = `/conversations/${conversation}/messages`
  const { body: running } = await ada('POST', path, { content: prompt }, { headers: { prefer: 'respond-async' } })
  const { held } = await booksOf(ada)
  const month = new Date(new Date().toISOString().slice(0, 7)).getTime()
  await env.DB.batch([
    env.DB.prepare('INSERT INTO reservations VALUES (?, 1, ?, ?, 1, 100, 900, 5, 5, NULL)').bind(
      crypto.randomUUID(),
      `user:${ada.user.id}`,
      month,
    ),
    env.DB.prepare(
      'UPDATE quota_periods SET messages_held = messages_held + 1, tokens_held = tokens_held + 1000 WHERE subject = ?',
    ).bind(`user:${ada.user.id}`),
  ])
  await runChores(new Date(Math.ceil(Date.now() / 600_000) * 600_000))
  expect(await booksOf(ada)).toMatchObject({ held, reservations: 1 })
  await ada('POST', `/runs/${running.id}/cancel`)
  await expectEvenBooks(ada)
})

test('a run that was let in before the month ended is paid from that month', async () => {
  const ada = await signIn()
  const { ctx } = ctxOf(ada)
  const now = new Date(Date.UTC(2026, 0, 31, 23, 59, 59))
  const request = {
    prompt: { content: 'Happy new month', files: [], at: undefined },
    onConflict: 'reject' as const,
    model: 'parley-offline',
    internetEnabled: false,
    cancelOnDisconnect: false,
    refuseTruncation: false,
    idempotency: undefined,
  }
  const feed = await startReply({ ...ctx, now }, request, 0)
  if (feed === 'ended') throw new Error('It has only begun')
  for await (const _ of feed.groups);
  const books = await env.DB.prepare(
    `SELECT q.period_start, q.messages_used, q.tokens_used, q.tokens_held, l.charged_tokens FROM quota_periods q
     JOIN usage_ledger l ON l.period_start = q.period_start AND l.user_id = ?1 WHERE q.subject = 'user:' || ?1`,
  )
    .bind(ada.user.id)
    .all<Record<string, number>>()
  const [{ charged_tokens: charged }] = books.results as [{ charged_tokens: number }]
  expect(charged).toBeGreaterThan(0)
  expect(books.results).toEqual([
    {
      period_start: Date.UTC(2026, 0, 1),
      messages_used: 1,
      tokens_used: charged,
      tokens_held: 0,
      charged_tokens: charged,
    },
  ])
  expect((await usage(ada)).messages.used).toBe(0)
})

test('a reply that failed before it said anything is no message', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ status: 400, json: { error: { message: 'no' } } }])
  expect((await say(ada, await startConversation(ada), prompt)).status).toBe(502)
  expect(await expectEvenBooks(ada)).toEqual({ messages: 0, tokens: 0 })
  expect(await countOf('usage_ledger WHERE user_id = ?', ada.user.id)).toBe(1)
})
