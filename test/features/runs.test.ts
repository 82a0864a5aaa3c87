import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Runner } from '../../src/index.ts'
import {
  countTo,
  type Event,
  eventsOf,
  idsOf,
  one,
  type SignedIn,
  signIn,
  startConversation,
  textOf,
  until,
} from '../support/client.ts'
import type { Step } from '../support/fake-openai.ts'
import { signInWith } from '../support/plans.ts'
import { reply, script } from '../support/upstream.ts'

const say = (user: SignedIn, conversation: string, content: string, more: object = {}, headers = {}) =>
  user('POST', `/conversations/${conversation}/messages`, { content, ...more }, { headers })

const stream = (user: SignedIn, conversation: string, content: string, more: object = {}, headers = {}) =>
  user.open('POST', `/conversations/${conversation}/messages`, { content, stream: true, ...more }, { headers })

const resume = (user: SignedIn, runId: string, after: number) =>
  user.open('GET', `/runs/${runId}/events`, undefined, { headers: { 'last-event-id': String(after) } })

const runnerOf = (conversation: string) => env.RUNNER.getByName(`c:${conversation}`)
/** Ends the object as a crash or a deploy does. */
const kill = (conversation: string) =>
  runInDurableObject(runnerOf(conversation), (_: Runner, state) => state.abort('killed by a test')).catch(() => {})

const ledgerRows = (runId: string) =>
  one<{ n: number }>('SELECT count(*) AS n FROM usage_ledger WHERE run_id = ?', runId)
const ends = (events: Event[]) => events.filter(({ data }) => 'persisted' in data).map(({ event }) => event)

test('a reply streams in after two round trips, and is stored as it came', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(50))
  const response = await stream(ada, await startConversation(ada), prompt)
  expect(response.headers.get('server-timing')).toContain('trips=2')
  const events = await eventsOf(response)
  expect(idsOf(events)).toEqual(countTo(events.length))
  expect(ends(events)).toEqual(['run.completed'])
  const { body } = await ada('GET', `/messages/${events[0]!.data.message_id}`)
  expect(body).toEqual(events.at(-2)!.data.message)
  expect(textOf(events)).toBe(body.content)
})

test('cut after any number of events, a reply is put together again without a gap or a repeat', async () => {
  const ada = await signInWith()
  const cutAfter = async (k: number) => {
    const { prompt } = await script(reply(50, 1))
    const first = await eventsOf(await stream(ada, await startConversation(ada), prompt), k)
    const runId = first[0]!.data.run_id
    const rest = await eventsOf(await resume(ada, runId, k))
    const events = [...first, ...rest]
    expect(idsOf(events)).toEqual(countTo(55))
    const { body } = await ada('GET', `/messages/${events[0]!.data.message_id}`)
    expect(textOf(events)).toBe(body.content)
    expect((await resume(ada, runId, 55)).status).toBe(204)
  }
  for (let k = 1; k < 55; k += 9) await Promise.all(countTo(9).map((more) => cutAfter(Math.min(53, k + more - 1))))
}, 120_000)

test('a reply that nobody waits for is completed, and counted once', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(50, 2))
  const [created] = await eventsOf(await stream(ada, await startConversation(ada), prompt), 1)
  const { message_id, run_id } = created!.data
  const message = await until(async () => {
    const { body } = await ada('GET', `/messages/${message_id}`)
    return body.status === 'completed' && body
  })
  expect(message.content.trim().split(' ')).toHaveLength(50)
  expect(await ledgerRows(run_id)).toEqual({ n: 1 })
})

const faults: [string, Step[], number, string, { partial?: boolean; calls?: number }][] = [
  ['breaks off without a finish reason', [{ tokens: 3 }, { end: true }], 502, 'upstream_truncated', { partial: true }],
  [
    'says [DONE] without a finish reason',
    [{ tokens: 3 }, { done: true }],
    502,
    'upstream_truncated',
    { partial: true },
  ],
  ['resets the connection', [{ tokens: 3 }, { reset: true }], 502, 'upstream_truncated', { partial: true }],
  ['ends before it says anything', [{ raw: '' }, { end: true }], 502, 'upstream_truncated', { calls: 2 }],
  [
    'puts an error into the stream',
    [{ tokens: 3 }, { error: { message: 'secret' } }],
    502,
    'upstream_error',
    { partial: true },
  ],
  [
    'begins with an error',
    [{ error: { message: 'secret', code: 'rate_limit_exceeded' } }],
    503,
    'upstream_busy',
    { calls: 2 },
  ],
  [
    'talks nonsense',
    [{ tokens: 3 }, { raw: 'data: {"choices":[{]]\n\n' }, { hang: true }],
    502,
    'upstream_garbled',
    { partial: true },
  ],
  [
    'sends a page of HTML',
    [{ status: 200, body: '<h1>Hi</h1>', content_type: 'text/html' }],
    502,
    'upstream_garbled',
    { calls: 2 },
  ],
  ['falls silent', [{ tokens: 3 }, { hang: true }], 502, 'upstream_stalled', { partial: true }],
  ['sends no headers', [{ hang: true }], 504, 'upstream_timeout', { calls: 2 }],
  ['sends headers and nothing else', [{ raw: '' }, { hang: true }], 504, 'upstream_timeout', { calls: 1 }],
  ['answers 429', [{ status: 429, json: { error: { message: 'secret' } } }], 503, 'upstream_busy', { calls: 2 }],
  ['answers 500', [{ status: 500, body: 'secret' }], 502, 'upstream_error', { calls: 2 }],
  ['refuses our key', [{ status: 401, json: { error: { message: 'secret' } } }], 502, 'upstream_auth', { calls: 1 }],
  [
    'rejects the request',
    [{ status: 400, json: { error: { message: 'secret' } } }],
    502,
    'upstream_rejected',
    { calls: 1 },
  ],
]

test.concurrent.for(faults)(
  'when the upstream %s the reply fails',
  async ([, steps, status, code, more], { expect }) => {
    const ada = await signIn()
    const { prompt, calls } = await script(steps)
    const conversation = await startConversation(ada)
    const answer = await say(ada, conversation, prompt)
    expect(answer).toMatchObject({ status, body: { code } })
    expect(answer.body.partial).toBe(more.partial)
    expect(JSON.stringify(answer.body)).not.toContain('secret')
    expect(await calls()).toHaveLength(more.calls ?? 1)
    const { body } = await ada('GET', `/messages/${answer.body.message_id}`)
    expect(body).toMatchObject({ status: 'failed', content: more.partial ? 'w1 w2 w3 ' : '', error: { code } })
    expect(body.usage.charged_tokens > 0).toBe(more.partial === true)
    expect(await ledgerRows(answer.body.run_id)).toEqual({ n: 1 })
    const events = await eventsOf(await stream(ada, conversation, prompt))
    expect(events.at(-1)).toMatchObject({ event: 'run.failed', data: { error: { code }, persisted: true } })
  },
)

test('a fault before the first token is tried again, and the reply is whole', async () => {
  const ada = await signIn()
  const { prompt, calls } = await script([{ status: 500 }], reply(5))
  const answer = await say(ada, await startConversation(ada), prompt)
  expect(answer).toMatchObject({ status: 201, body: { content: 'w1 w2 w3 w4 w5 ', status: 'completed' } })
  expect(await calls()).toHaveLength(2)
})

test('oddities that the format allows do no harm', async () => {
  const ada = await signIn()
  const chunk = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\r\n\r\n`
  const bytes = [...new TextEncoder().encode(chunk({ content: 'grüße 👋' }))]
  const { prompt } = await script([
    { raw: ': a comment\r\n\r\n' },
    ...bytes.map((byte) => ({ bytes: [byte] })),
    { raw: chunk({}, 'stop') },
    { raw: chunk({ content: 'too late' }) },
    { done: true },
  ])
  const answer = await say(ada, await startConversation(ada), prompt)
  expect(answer).toMatchObject({ status: 201, body: { content: 'grüße 👋', usage: { estimated: true } } })
})

test('twenty equal requests with one key are one message, one upstream call and one answer', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt, calls } = await script(reply(20, 5))
  const answers = await Promise.all(
    countTo(20).map(() => say(ada, conversation, prompt, {}, { 'idempotency-key': 'k-1' })),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  expect(answers.filter(({ headers }) => headers.has('idempotency-replayed'))).toHaveLength(19)
  expect(await calls()).toHaveLength(1)
  expect((await ada('GET', `/conversations/${conversation}/messages`)).body).toHaveLength(2)
})

test('a key is for one body, in whichever encoding, and a stream replays from where it was', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt, calls } = await script(reply(5))
  const key = { 'idempotency-key': '"k-2"' }
  const { body } = await say(ada, conversation, prompt, {}, key)
  const other = await say(ada, conversation, 'Something else', {}, { 'idempotency-key': 'k-2' })
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  const events = await eventsOf(await stream(ada, conversation, prompt, {}, { ...key, 'last-event-id': '3' }))
  expect(idsOf(events)[0]).toBe(4)
  expect(events.at(-2)!.data.message).toEqual(body)
  const last = { ...key, 'last-event-id': String(events.at(-1)!.id) }
  expect((await stream(ada, conversation, prompt, {}, last)).status).toBe(204)
  expect(await calls()).toHaveLength(1)
  const bad = await say(ada, conversation, prompt, {}, { 'idempotency-key': 'a b' })
  expect(bad).toMatchObject({ status: 400, body: { code: 'idempotency_key_invalid' } })
})

test('of two different messages at once one is refused, and stores nothing', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script(reply(20, 10))
  const answers = await Promise.all(['one', 'two'].map((text) => say(ada, conversation, `${text} ${prompt}`)))
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
  const refused = answers.find(({ status }) => status === 409)!
  const reply1 = answers.find(({ status }) => status === 201)!
  expect(refused.body).toMatchObject({ code: 'conversation_busy', run_id: reply1.body.run_id })
  expect(refused.headers.get('retry-after')).toBe('2')
  expect((await ada('GET', `/conversations/${conversation}/messages`)).body).toHaveLength(2)
})

test('a run is cancelled once, keeps what was written, and closes the upstream', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt, calls } = await script([{ tokens: 3 }, { hang: true }])
  const response = await stream(ada, conversation, prompt)
  const reading = eventsOf(response)
  const runId = response.headers.get('x-run-id')!
  await until(async () => (await ada('GET', `/runs/${runId}`)).body.content === 'w1 w2 w3 ')
  const cancelled = await ada('POST', `/runs/${runId}/cancel`)
  expect(cancelled).toMatchObject({
    status: 200,
    body: { status: 'cancelled', cancel_reason: 'user', content: 'w1 w2 w3 ' },
  })
  expect((await ada('POST', `/runs/${runId}/cancel`)).body).toEqual(cancelled.body)
  expect(ends(await reading)).toEqual(['run.cancelled'])
  expect(cancelled.body.usage).toMatchObject({ estimated: true, output_tokens: 3 })
  await until(async () => (await calls())[0]!.closed_by_client)
  expect(await ledgerRows(runId)).toEqual({ n: 1 })
})

test('a plain request whose run is cancelled gets what was written', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const waiting = say(ada, conversation, prompt)
  const run = await until(() => one<{ id: string }>('SELECT id FROM runs WHERE conversation_id = ?', conversation))
  await until(async () => (await ada('GET', `/runs/${run.id}`)).body.content === 'w1 w2 ')
  await ada('POST', `/runs/${run.id}/cancel`)
  expect(await waiting).toMatchObject({ status: 201, body: { status: 'cancelled', content: 'w1 w2 ' } })
})

test('with on_disconnect a reply ends soon after its last watcher has left', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(500, 20))
  const response = await stream(ada, await startConversation(ada), prompt, { on_disconnect: 'cancel' })
  await eventsOf(response, 3)
  const runId = response.headers.get('x-run-id')!
  const run = await until(async () => {
    const { body } = await ada('GET', `/runs/${runId}`)
    return body.status !== 'in_progress' && body
  })
  expect(run).toMatchObject({ status: 'cancelled', cancel_reason: 'client_gone' })
})

test('two watchers see the same, and one that is behind does not hold the other up', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(30, 2))
  const first = await stream(ada, await startConversation(ada), prompt)
  const second = await resume(ada, first.headers.get('x-run-id')!, 0)
  const seen = await eventsOf(second)
  expect(await eventsOf(first)).toEqual(seen)
})

test('silence is filled with heartbeats, also before the upstream answers', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ wait: 700 }, ...reply(1)])
  const text = await (await stream(ada, await startConversation(ada), prompt)).text()
  expect(text.startsWith('retry: 1500\n\n: open\n\n')).toBe(true)
  expect(text.indexOf(': hb')).toBeLessThan(text.indexOf('event: message.delta'))
})

test('a number above all events resets the client', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(3))
  const { body } = await say(ada, await startConversation(ada), prompt)
  const events = await eventsOf(await resume(ada, body.run_id, 1_000))
  expect(events[0]).toMatchObject({ event: 'run.reset', data: { after: 0 } })
  expect(textOf(events)).toBe(body.content)
})

test('when the log is gone a run is told again by its message, and ends at the same number', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script(reply(5))
  const events = await eventsOf(await stream(ada, conversation, prompt))
  const { run_id } = events[0]!.data
  await runInDurableObject(runnerOf(conversation), (_: Runner, state) => state.storage.sql.exec('DELETE FROM log'))
  const again = await eventsOf(await resume(ada, run_id, 0))
  expect(again.map(({ event }) => event)).toEqual([
    'run.created',
    'message.delta',
    'usage',
    'message.completed',
    'run.completed',
  ])
  expect(textOf(again)).toBe(textOf(events))
  expect(again.at(-1)).toEqual(events.at(-1))
  expect((await eventsOf(await resume(ada, run_id, 2)))[0]!.event).toBe('run.reset')
  expect((await resume(ada, run_id, events.at(-1)!.id)).status).toBe(204)
})

test('a run whose object was lost ends as interrupted with its text, and frees the conversation', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 3 }, { hang: true }], reply(2))
  const response = await stream(ada, conversation, prompt)
  const first = await eventsOf(response, 4)
  await kill(conversation)
  await runDurableObjectAlarm(runnerOf(conversation))
  const rest = await eventsOf(await resume(ada, first[0]!.data.run_id, 4))
  expect(ends(rest)).toEqual(['run.interrupted'])
  expect(rest.at(-1)!.data.error).toMatchObject({ code: 'run_interrupted', retryable: true })
  expect(idsOf([...first, ...rest])).toEqual(countTo(7))
  const { body } = await ada('GET', `/messages/${first[0]!.data.message_id}`)
  expect(body).toMatchObject({ status: 'interrupted', content: 'w1 w2 w3 ' })
  expect(await ledgerRows(first[0]!.data.run_id)).toEqual({ n: 1 })
  expect(await say(ada, conversation, prompt)).toMatchObject({ status: 201, body: { content: 'w1 w2 ' } })
})

test('a watcher whose object is lost is told how the run ended, in the same stream', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 3 }, { hang: true }])
  const response = await stream(ada, conversation, prompt)
  const reading = eventsOf(response)
  await until(async () => (await ada('GET', `/runs/${response.headers.get('x-run-id')}`)).body.content === 'w1 w2 w3 ')
  await kill(conversation)
  const events = await reading
  expect(idsOf(events)).toEqual(countTo(7))
  expect(ends(events)).toEqual(['run.interrupted'])
})

test('a run that never reached its object is ended by whoever asks, and charged nothing', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script(reply(1))
  const { body } = await say(ada, conversation, prompt)
  const old = Date.now() - 60_000
  // As if the Worker had died between the write and the hand-over.
  const lost = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()]
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO messages (id, conversation_id, parent_id, depth, role, content, status, tokens, run_id, created_at, updated_at)
       SELECT ?1, conversation_id, ?2, depth + 1, 'user', 'Hi', 'completed', 5, NULL, ?4, ?4 FROM messages WHERE id = ?2`,
    ).bind(lost[0], body.id, lost[1], old),
    env.DB.prepare(
      `INSERT INTO messages (id, conversation_id, parent_id, depth, role, content, status, tokens, run_id, created_at, updated_at)
       SELECT ?1, conversation_id, ?2, depth + 1, 'assistant', '', 'in_progress', 0, ?3, ?4, ?4 FROM messages WHERE id = ?2`,
    ).bind(lost[1], lost[0], lost[2], old),
    env.DB.prepare(
      `INSERT INTO runs (id, kind, user_id, conversation_id, user_message_id, message_id, runner, status, model, context, warnings, lease_until, created_at)
       SELECT ?1, kind, user_id, conversation_id, ?2, ?3, runner, 'in_progress', model, context, warnings, ?4, ?4 FROM runs WHERE id = ?5`,
    ).bind(lost[2], lost[0], lost[1], old, body.run_id),
    env.DB.prepare('UPDATE conversations SET head_id = ?1 WHERE id = ?2').bind(lost[1], conversation),
  ])
  expect(await say(ada, conversation, prompt)).toMatchObject({ status: 201 })
  expect((await ada('GET', `/runs/${lost[2]}`)).body).toMatchObject({
    status: 'interrupted',
    usage: { charged_tokens: 0 },
  })
})

test('old messages that do not fit are left out, and the answer says so', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const long = 'x'.repeat(30_000)
  const offline = { model: 'parley-offline', max_output_tokens: 16 }
  for (const text of [long, long, long]) await say(ada, conversation, text, offline)
  const answer = await say(ada, conversation, long, offline)
  // Each is 10,004 tokens of the 32,000 that the model takes.
  expect(answer.body.context).toMatchObject({ sent: 6, dropped: 1 })
  const refused = await say(ada, conversation, long, { ...offline, truncation: 'refuse' })
  expect(refused).toMatchObject({ status: 422, body: { code: 'context_too_long' } })
})

test('the model is sent the branch in order, with the output limit and nothing it was not asked for', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt, calls } = await script(reply(2))
  await say(ada, conversation, `First ${prompt}`)
  await say(ada, conversation, `Second ${prompt}`, { max_output_tokens: 99 })
  const [, second] = await calls()
  expect(second!.body).toMatchObject({ model: 'gpt-4o-mini', max_completion_tokens: 99, stream: true })
  const { messages } = second!.body as { messages: { role: string; content: string }[] }
  expect(messages.map(({ role, content }) => [role, content.split(' ')[0]])).toEqual([
    ['user', 'First'],
    ['assistant', 'w1'],
    ['user', 'Second'],
  ])
})

test('what cannot be had is said, not passed over', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const offline = { model: 'parley-offline' }
  const withFile = await say(ada, conversation, 'Read this', { ...offline, files: [crypto.randomUUID()] })
  expect(withFile).toMatchObject({ status: 404, body: { code: 'file_not_found' } })
  const premium = await say(ada, conversation, 'Think', { model: 'o3' })
  expect(premium).toMatchObject({ status: 403, body: { code: 'model_not_allowed' } })
})

test('a reply can be asked for without waiting for it', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(5, 20))
  const answer = await say(ada, await startConversation(ada), prompt, {}, { prefer: 'respond-async' })
  expect(answer).toMatchObject({ status: 202, body: { status: 'in_progress' } })
  expect(answer.headers.get('location')).toBe(`/api/v1/runs/${answer.body.id}`)
  const events = await eventsOf(await resume(ada, answer.body.id, 0))
  expect(ends(events)).toEqual(['run.completed'])
})

test('contract 2: POST /chat answers in a chat, and makes one when none is named', async () => {
  const ada = await signIn()
  const first = await ada('POST', '/chat', { message: 'Hello', model: 'parley-offline' })
  expect(first).toMatchObject({ status: 200, body: { response: expect.stringContaining('You said: "Hello"') } })
  const { chat_id } = first.body
  const second = await ada('POST', '/chat', { message: 'And now?', chat_id, model: 'parley-offline' })
  expect(second.body).toMatchObject({ chat_id, response: expect.stringContaining('Before that you said: "Hello"') })
  expect((await ada('GET', `/conversations/${chat_id}`)).body).toMatchObject({
    title: 'Hello',
    messages: { length: 4 },
  })
})

test('a conversation is deleted in the middle of a reply, and what was used is counted', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 3 }, { hang: true }])
  const response = await stream(ada, conversation, prompt)
  const reading = eventsOf(response)
  const runId = response.headers.get('x-run-id')!
  await until(async () => (await ada('GET', `/runs/${runId}`)).body.content !== '')
  expect((await ada('DELETE', `/conversations/${conversation}`)).status).toBe(204)
  expect((await reading).at(-1)).toMatchObject({ event: 'run.cancelled', data: { cancel_reason: 'deleted' } })
  expect(await ledgerRows(runId)).toEqual({ n: 1 })
  expect((await ada('GET', `/conversations/${conversation}`)).status).toBe(404)
})

test('an alarm forgets the logs of runs that ended long ago', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { body } = await say(ada, conversation, 'Hello', { model: 'parley-offline' })
  await runInDurableObject(runnerOf(conversation), (_: Runner, state) =>
    state.storage.sql.exec('UPDATE run SET ended_at = 0'),
  )
  await runDurableObjectAlarm(runnerOf(conversation))
  const left = await runInDurableObject(runnerOf(conversation), (_: Runner, state) =>
    state.storage.sql.exec('SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM log) AS n').one(),
  )
  expect(left).toEqual({ n: 0 })
  expect(ends(await eventsOf(await resume(ada, body.run_id, 0)))).toEqual(['run.completed'])
})
