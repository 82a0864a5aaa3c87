import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { startReply, watchRun } from '../../src/features/runs/service.ts'
import type { Runner } from '../../src/index.ts'
import { countTo, eventsOf, one, type SignedIn, signIn, startConversation, until } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'
import type { Step } from '../support/fake-openai.ts'
import { reply, script } from '../support/upstream.ts'

afterEach(() => vi.restoreAllMocks())

const stream = (user: SignedIn, conversation: string, content: string, more: object = {}) =>
  user.open('POST', `/conversations/${conversation}/messages`, { content, stream: true, ...more })

const runnerOf = (conversation: string) => env.RUNNER.getByName(`c:${conversation}`)
const kill = (conversation: string) =>
  runInDurableObject(runnerOf(conversation), (_: Runner, state) => state.abort('killed by a test')).catch(() => {})
const stored = (runId: string) =>
  one<{ status: string; last_seq: number; rows: number; estimated: number }>(
    `SELECT status, last_seq, (SELECT count(*) FROM usage_ledger WHERE run_id = runs.id) AS rows,
       (SELECT estimated FROM usage_ledger WHERE run_id = runs.id) AS estimated FROM runs WHERE id = ?`,
    runId,
  )

/** Makes D1 refuse every settlement until the function that it gives is called. */
async function refuseSettlements() {
  await env.DB.prepare('ALTER TABLE usage_ledger RENAME TO usage_ledger_away').run()
  return () => env.DB.prepare('ALTER TABLE usage_ledger_away RENAME TO usage_ledger').run()
}

const waysToAsk: [string, (ada: SignedIn, conversation: string, runId: string) => Promise<unknown>][] = [
  [
    'the alarm rings',
    (_, conversation) => runInDurableObject(runnerOf(conversation), (runner: Runner) => runner.alarm()),
  ],
  ['somebody reads it', (ada, _, runId) => ada('GET', `/runs/${runId}`)],
  ['somebody cancels it', (ada, _, runId) => ada('POST', `/runs/${runId}/cancel`)],
  [
    'the object was killed and somebody cancels it',
    async (ada, conversation, runId) => {
      await kill(conversation)
      await ada('POST', `/runs/${runId}/cancel`)
    },
  ],
]

test.for(waysToAsk)('what was told while D1 was down is what D1 hears when %s', async ([, ask]) => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script(reply(3))
  const restore = await refuseSettlements()
  const events = await eventsOf(await stream(ada, conversation, prompt))
  await restore()
  expect(events.at(-1)).toMatchObject({ event: 'run.completed', data: { persisted: false } })
  const { run_id } = events[0]!.data
  expect(await stored(run_id)).toMatchObject({ status: 'in_progress', rows: 0 })
  // Nobody else does it.
  await runInDurableObject(runnerOf(conversation), (_: Runner, state) => state.storage.deleteAlarm())
  await ask(ada, conversation, run_id)
  expect(await stored(run_id)).toEqual({ status: 'completed', last_seq: events.at(-1)!.id, rows: 1, estimated: 0 })
})

test('a D1 that hangs holds the terminal event back for seconds, not for ever', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 1 }, { wait: 200 }, ...reply(1)])
  const response = await stream(ada, conversation, prompt)
  await runInDurableObject(runnerOf(conversation), (runner: Runner) => {
    const hanging = { prepare: (query: string) => env.DB.prepare(query), batch: () => new Promise(() => {}) }
    Object.defineProperty(runner, 'env', { value: { ...env, DB: hanging } })
  })
  const events = await eventsOf(response)
  expect(events.at(-1)).toMatchObject({ event: 'run.completed', data: { persisted: false } })
  await kill(conversation)
  await runDurableObjectAlarm(runnerOf(conversation))
  expect(await stored(events[0]!.data.run_id)).toMatchObject({ status: 'completed', rows: 1 })
})

test('an object that cannot write its log gives way to a fresh one, and the run ends', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 2 }, { wait: 200 }, ...reply(2)])
  const response = await stream(ada, conversation, prompt)
  await runInDurableObject(runnerOf(conversation), (_: Runner, state) => {
    state.storage.sql.exec(`CREATE TRIGGER full BEFORE UPDATE ON log WHEN new.events LIKE '%"offset":6,%'
      BEGIN SELECT raise(ABORT, 'full'); END`)
  })
  const events = await eventsOf(response)
  expect(events.at(-1)).toMatchObject({ event: 'run.interrupted' })
  expect(await stored(events[0]!.data.run_id)).toMatchObject({ status: 'interrupted', rows: 1 })
})

const silences: [string, Step[]][] = [
  ['before the first token', [{ hang: true }]],
  ['after some', [{ tokens: 3 }, { hang: true }]],
]

test.for(silences)('with on_disconnect a silent model is stopped soon, %s', async ([, steps]) => {
  const ada = await signIn()
  const { prompt, calls } = await script(steps)
  const response = await stream(ada, await startConversation(ada), prompt, { on_disconnect: 'cancel' })
  await eventsOf(response, 1)
  const runId = response.headers.get('x-run-id')!
  const run = await until(async () => {
    const { body } = await ada('GET', `/runs/${runId}`)
    return body.status !== 'in_progress' && body
  })
  expect(run).toMatchObject({ status: 'cancelled', cancel_reason: 'client_gone' })
  await until(async () => (await calls())[0]!.closed_by_client)
})

test('a watcher that comes back in time keeps such a run going', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(40, 20))
  const first = await stream(ada, await startConversation(ada), prompt, { on_disconnect: 'cancel' })
  const runId = first.headers.get('x-run-id')!
  await eventsOf(first, 3)
  const second = await ada.open('GET', `/runs/${runId}/events`, undefined, { headers: { 'last-event-id': '3' } })
  expect((await eventsOf(second)).at(-1)!.event).toBe('run.completed')
})

test('a reply that was promised for later is not cancelled because nobody waits', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(20, 20))
  const path = `/conversations/${await startConversation(ada)}/messages`
  const body = { content: prompt, on_disconnect: 'cancel' }
  const answer = await ada('POST', path, body, { headers: { prefer: 'respond-async' } })
  expect(answer.headers.get('preference-applied')).toBe('respond-async')
  const run = await until(async () => {
    const { body: found } = await ada('GET', `/runs/${answer.body.id}`)
    return found.status !== 'in_progress' && found
  })
  expect(run.status).toBe('completed')
})

test('when the runner cannot be reached nothing is charged, and the conversation is free', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { ctx } = ctxOf(ada)
  const getByName = () => ({ start: () => Promise.reject(new Error('no runner')) })
  const failed = await startReply(
    { ...ctx, runners: { getByName } as unknown as Env['RUNNER'] },
    {
      prompt: { content: 'Hello', files: [], at: { conversationId: conversation } },
      onConflict: 'reject',
      model: 'parley-offline',
      internetEnabled: false,
      cancelOnDisconnect: false,
      refuseTruncation: false,
      idempotency: undefined,
    },
    0,
  ).catch((error) => error)
  expect(failed).toMatchObject({ code: 'runner_unavailable', options: { retryAfterS: 1 } })
  const { run_id } = failed.options.extras
  expect((await ada('GET', `/runs/${run_id}`)).body).toMatchObject({
    status: 'failed',
    error: { code: 'runner_unavailable', retryable: true },
    usage: { charged_tokens: 0 },
  })
  expect(await watchRun(ctx, run_id, 3)).toBe('ended')
  const next = await ada('POST', `/conversations/${conversation}/messages`, {
    content: 'Again',
    model: 'parley-offline',
  })
  expect(next.status).toBe(201)
})

test('a run that was ended elsewhere ends here as it did there, and is numbered as its watchers saw it', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt, calls } = await script([{ tokens: 2 }, { hang: true }])
  const response = await stream(ada, conversation, prompt)
  const runId = response.headers.get('x-run-id')!
  const reading = eventsOf(response)
  await until(async () => (await ada('GET', `/runs/${runId}`)).body.content === 'w1 w2 ')
  await env.DB.batch([
    env.DB.prepare("UPDATE runs SET status = 'cancelled', cancel_reason = 'admin', last_seq = 3 WHERE id = ?").bind(
      runId,
    ),
    env.DB.prepare("UPDATE messages SET status = 'cancelled' WHERE run_id = ?").bind(runId),
  ])
  const live = await ada.open('GET', `/runs/${runId}/events`, undefined, { headers: { 'last-event-id': '3' } })
  expect(live.status).toBe(200)
  await live.body!.cancel()
  // Its next checkpoint tells the object.
  await runInDurableObject(runnerOf(conversation), (runner: Runner) => runner.alarm())
  const events = await reading
  expect(events.at(-1)).toMatchObject({ event: 'run.cancelled', data: { cancel_reason: 'admin' } })
  await until(async () => (await stored(runId))!.last_seq === events.at(-1)!.id)
  await until(async () => (await calls())[0]!.closed_by_client)
})

test('a start that took effect though it failed does not leave a second generation behind', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt, calls } = await script([{ tokens: 2 }, { hang: true }], reply(1))
  const { ctx } = ctxOf(ada)
  const getByName = (name: string) => {
    const runner = env.RUNNER.getByName(name)
    const start = async (job: Parameters<Runner['start']>[0]) => {
      await runner.start(job)
      throw new Error('the answer was lost')
    }
    return { start, abandon: (run: Parameters<Runner['abandon']>[0]) => runner.abandon(run) }
  }
  const request = {
    prompt: { content: prompt, files: [], at: { conversationId: conversation } },
    onConflict: 'reject' as const,
    internetEnabled: false,
    cancelOnDisconnect: false,
    refuseTruncation: false,
    idempotency: undefined,
  }
  const runners = { getByName } as unknown as Env['RUNNER']
  const failed = await startReply({ ...ctx, runners }, request, 0).catch((error) => error)
  expect(failed.code).toBe('runner_unavailable')
  const run = await ada('GET', `/runs/${failed.options.extras.run_id}`)
  expect(run.body).toMatchObject({ status: 'failed', error: { code: 'runner_unavailable' } })
  await until(async () => (await calls())[0]?.closed_by_client !== false)
  // Whoever asks again pays for that alone.
  expect(await one('SELECT messages, charged_tokens FROM usage_ledger WHERE run_id = ?', run.body.id)).toEqual({
    messages: 0,
    charged_tokens: 0,
  })
})

test('an object that cannot store how a run ended gives way, and a fresh one ends it', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 2 }, { wait: 200 }, ...reply(2)])
  const response = await stream(ada, conversation, prompt)
  await runInDurableObject(runnerOf(conversation), (_: Runner, state) => {
    state.storage.sql.exec(`CREATE TRIGGER full BEFORE UPDATE OF state ON run
      WHEN new.outcome LIKE '%completed%' BEGIN SELECT raise(ABORT, 'full'); END`)
  })
  expect((await eventsOf(response)).at(-1)).toMatchObject({ event: 'run.interrupted' })
})

test('in the first seconds after a crash the run is there with its text, and frees the conversation when asked', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 3 }, { hang: true }], reply(2))
  const response = await stream(ada, conversation, prompt)
  await eventsOf(response, 4)
  await kill(conversation)
  const run = await ada('GET', `/runs/${response.headers.get('x-run-id')}`)
  expect(run.body).toMatchObject({ status: 'interrupted', content: 'w1 w2 w3 ' })
  await kill(conversation)
  const next = await ada('POST', `/conversations/${conversation}/messages`, { content: prompt })
  expect(next).toMatchObject({ status: 201, body: { content: 'w1 w2 ' } })
})

test('a prompt is not made while the reply before it is still being written', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const first = await script(reply(20, 10))
  const running = stream(ada, conversation, first.prompt).then((response) => eventsOf(response))
  await until(() => one('SELECT 1 FROM runs WHERE conversation_id = ?', conversation))
  const early = await ada('POST', `/conversations/${conversation}/messages`, { content: 'Too early' })
  expect(early).toMatchObject({ status: 409, body: { code: 'conversation_busy' } })
  await running
  const second = await script(reply(1))
  await ada('POST', `/conversations/${conversation}/messages`, { content: second.prompt })
  const { messages } = (await second.calls())[0]!.body as { messages: { content: string }[] }
  expect(messages[1]!.content.trim().split(' ')).toHaveLength(20)
})

const nonsense: [string, object][] = [
  ['are missing', {}],
  ['are negative', { prompt_tokens: -500, completion_tokens: 1.5 }],
  ['are words', { prompt_tokens: 'n/a', completion_tokens: 'many' }],
  ['are null', { prompt_tokens: null, completion_tokens: null }],
]

test.for(nonsense)('when the numbers of the provider %s, an estimate is charged', async ([, usage]) => {
  const ada = await signIn()
  const { prompt } = await script([{ tokens: 3 }, { finish: 'stop' }, { usage } as Step, { done: true }])
  const path = `/conversations/${await startConversation(ada)}/messages`
  const { status, body } = await ada('POST', path, { content: prompt })
  expect(status).toBe(201)
  expect(body.usage).toMatchObject({ estimated: true, input_tokens: body.context.tokens, output_tokens: 3 })
})

test('numbers of a try that failed are not charged for the next', async () => {
  const ada = await signIn()
  const wrong = { prompt_tokens: 90_000, completion_tokens: 0 }
  const { prompt } = await script(
    [{ usage: wrong }, { end: true }],
    [{ tokens: 3 }, { finish: 'stop' }, { done: true }],
  )
  const path = `/conversations/${await startConversation(ada)}/messages`
  const { body } = await ada('POST', path, { content: prompt })
  expect(body.usage).toMatchObject({ estimated: true, output_tokens: 3, calls: 2 })
})

test('content that never ends after the finish reason does not hold the reply', async () => {
  const ada = await signIn()
  const flood = Array.from({ length: 60 }, () => [{ wait: 100 }, { text: 'late ' }]).flat()
  const { prompt } = await script([{ tokens: 2 }, { finish: 'stop' }, ...flood])
  const path = `/conversations/${await startConversation(ada)}/messages`
  const { body } = await ada('POST', path, { content: prompt })
  expect(body).toMatchObject({ status: 'completed', content: 'w1 w2 ' })
})

test('a reason to finish that nobody knows is a failure', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ tokens: 2 }, { finish: 'insufficient_system_resource' }, { done: true }])
  const path = `/conversations/${await startConversation(ada)}/messages`
  expect(await ada('POST', path, { content: prompt })).toMatchObject({
    status: 502,
    body: { code: 'upstream_error', partial: true },
  })
})

test('a character that comes in two halves is shown as it is stored', async () => {
  const ada = await signIn()
  const half = (escaped: string) => ({ raw: `data: {"choices":[{"index":0,"delta":{"content":"${escaped}"}}]}\n\n` })
  const { prompt } = await script([
    half('a\\ud83d'),
    half('\\ude00b'),
    half('\\ud83d'),
    { finish: 'stop' },
    { done: true },
  ])
  const events = await eventsOf(await stream(ada, await startConversation(ada), prompt))
  const text = events.filter(({ event }) => event === 'message.delta').map(({ data }) => data.delta)
  expect(text).toEqual(['a', '😀b'])
  expect(events.at(-2)!.data.message.content).toBe('a😀b')
})

test('a reply that grows too large ends there, and what fits is kept and charged', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ text: `x${'😀'.repeat(140_000)}` }, { finish: 'stop' }, { done: true }])
  const path = `/conversations/${await startConversation(ada)}/messages`
  const { status, body } = await ada('POST', path, { content: prompt })
  expect([status, body.code, body.partial]).toEqual([504, 'run_too_long', true])
  const message = await ada('GET', `/messages/${body.message_id}`)
  expect(message.body.content).toBe(`x${'😀'.repeat(131_071)}`)
})

test('the log is read at the place that a watcher is at, however long it is', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script(reply(3))
  const [created] = await eventsOf(await stream(ada, conversation, prompt))
  const cost = await runInDurableObject(runnerOf(conversation), async (_: Runner, state) => {
    const { EventLog } = await import('../../src/features/runs/event-log.ts')
    const rows = `WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO log SELECT ?, i, i, '{}' || char(10) FROM n`
    state.storage.sql.exec(rows, created!.data.run_id)
    let read = 0
    const exec = (query: string, ...values: unknown[]) => {
      const cursor = state.storage.sql.exec(query, ...values)
      const all = cursor.toArray()
      read += cursor.rowsRead
      return Object.assign(all, { toArray: () => all, one: () => all[0] })
    }
    const log = new EventLog({ exec } as unknown as SqlStorage)
    read = 0
    log.lastSeq(created!.data.run_id)
    log.read(created!.data.run_id, 2_999, 3_000)
    return read
  })
  expect(cost).toBeLessThan(10)
})

test('of a row of the log that has grown just those events are read that are asked for', async () => {
  await runInDurableObject(runnerOf(crypto.randomUUID()), async (_: Runner, state) => {
    const { EventLog } = await import('../../src/features/runs/event-log.ts')
    const log = new EventLog(state.storage.sql)
    const words = (at: number) => ({ type: 'message.delta' as const, offset: at, delta: 'w'.repeat(200) })
    for (const at of countTo(20)) log.append('run', at % 3 === 0 ? [words(at), words(at)] : [words(at)])
    const last = log.lastSeq('run')
    expect(last).toBe(26)
    expect(state.storage.sql.exec('SELECT count(*) AS n FROM log').one()).toEqual({ n: 2 })
    const whole = log.read('run', 0, last)!.lines.trimEnd().split('\n')
    expect(whole.map((line) => JSON.parse(line).seq)).toEqual(countTo(last))
    for (const after of [0, ...countTo(last)]) {
      for (const upTo of countTo(last)) {
        const lines = whole.slice(after, upTo)
        const found = lines.length === 0 ? undefined : { lines: `${lines.join('\n')}\n`, lastSeq: upTo }
        expect([after, upTo, log.read('run', after, upTo)]).toEqual([after, upTo, found])
      }
    }
  })
})
