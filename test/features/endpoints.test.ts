import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { AT_ENDPOINT, type Target } from '../../src/ai/targets.ts'
import { type Config, configOf } from '../../src/env.ts'
import type { Job } from '../../src/features/runs/job.ts'
import { lostResultOf } from '../../src/features/runs/result.ts'
import type { Runner } from '../../src/index.ts'
import { sha256 } from '../../src/lib/digests.ts'
import { newId, newSecret } from '../../src/lib/ids.ts'
import { seal } from '../../src/lib/sealed-secrets.ts'
import { one, signIn } from '../support/client.ts'
import { askThem, endpointAt, fakeOrigin, freshUrl, listed } from '../support/endpoints.ts'
import type { Step } from '../support/fake-openai.ts'
import { reply, script } from '../support/upstream.ts'

afterEach(() => vi.useRealTimers())

const failing: Step[] = [{ status: 500, json: {} }]
const config = (UPSTREAM_TRIES = 1): Config => ({ ...listed(), UPSTREAM_TRIES })

test('endpoints are asked in order, and who said what is noted', async () => {
  const { prompt, calls } = await script(failing, [{ status: 401, json: {} }], reply(2))
  const [first, second, third] = [freshUrl(), freshUrl(), freshUrl()]
  const targets = [first, second, third].map((url) => endpointAt(url))
  const { host } = new URL(first)
  const asked = await askThem(targets, prompt, { config: config(3) })
  expect(asked).toMatchObject({ finish: 'stop', text: 'w1 w2 ', target: targets[2] })
  expect(asked.tries.map(({ status }) => status)).toEqual(['upstream_error', 'upstream_auth', 'ok'])
  expect(asked.tries.every(({ upstream, model }) => upstream === host && model === 'theirs')).toBe(true)
  const paths = [first, second, third].map((url) => `${new URL(url).pathname}/chat/completions`)
  expect((await calls()).map(({ url }) => url)).toEqual(paths)
})

test('after the first word nobody else is asked', async () => {
  const { prompt, calls } = await script([{ text: 'So' }, { reset: true }], reply(2))
  const asked = await askThem([endpointAt(freshUrl()), endpointAt(freshUrl())], prompt, { config: config(3) })
  expect(asked).toMatchObject({ code: 'upstream_truncated', text: 'So', finish: undefined })
  expect(await calls()).toHaveLength(1)
})

/** Faults so often in a row. */
async function fail(target: Target, times: number, steps = failing) {
  const { prompt } = await script(steps)
  for (let n = 0; n < times; n++) await askThem([target], prompt, { config: config() })
}

test('after five faults in a row an endpoint is left alone for a while, and others are asked at once', async () => {
  const target = endpointAt(freshUrl())
  await fail(target, 5)
  const { prompt, calls } = await script(reply(1))
  const refused = await askThem([target], prompt, { config: config(3) })
  expect(refused).toMatchObject({ code: 'upstream_busy', attempts: [], started: false })
  expect(refused.fault!.retry_after).toBeGreaterThan(10)
  expect(refused.fault!.retry_after).toBeLessThanOrEqual(15)
  expect(await calls()).toHaveLength(0)
  const other = endpointAt(freshUrl())
  const asked = await askThem([target, other], prompt, { config: config(3) })
  expect(asked).toMatchObject({ finish: 'stop', target: other, attempts: [{ status: 'ok' }] })
  // The same name elsewhere is another server, and what one chatbot meets there holds no other up.
  expect((await askThem([endpointAt(freshUrl())], prompt)).finish).toBe('stop')
  const { url } = target.endpoint!
  expect((await askThem([endpointAt(`${url}/`)], prompt)).code).toBe('upstream_busy')
  expect((await askThem([endpointAt(`${url}/`, { chatbotId: 'another' })], prompt)).finish).toBe('stop')
})

test('one that is opened by its own tries is not asked once more', async () => {
  const target = endpointAt(freshUrl())
  await fail(target, 4)
  const { prompt, calls } = await script(failing, reply(1))
  expect((await askThem([target], prompt, { config: config(3) })).code).toBe('upstream_error')
  expect(await calls()).toHaveLength(1)
})

test('when its time is up one call probes it, and decides', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const target = endpointAt(freshUrl())
  await fail(target, 5)
  const later = (ms: number) => vi.setSystemTime(Date.now() + ms)
  later(15_001)
  const slow = await script([{ wait: 500 }, ...failing])
  const probe = askThem([target], slow.prompt, { config: config() })
  expect((await askThem([target], 'Hello')).code).toBe('upstream_busy')
  expect((await probe).code).toBe('upstream_error')
  expect((await askThem([target], 'Hello')).code).toBe('upstream_busy')
  later(15_001)
  expect((await askThem([target], 'Hello')).finish).toBe('stop')
  await fail(target, 4)
  expect((await askThem([target], 'Hello')).finish).toBe('stop')
})

const judged: [string, Step[], boolean][] = [
  ['does not answer', [{ hang: true }], true],
  ['breaks off', [{ text: 'So' }, { reset: true }], true],
  ['talks nonsense', [{ status: 200, body: '<html>' }], true],
  ['is busy', [{ status: 429, json: {} }], true],
  ['is busy and says until when', [{ status: 429, json: {}, headers: { 'retry-after': '1' } }], false],
  ['refuses the key', [{ status: 401, json: {} }], false],
  ['refuses the call', [{ status: 400, json: {} }], false],
  ['sends elsewhere', [{ status: 302, headers: { location: '/' } }], false],
]

test.for(judged)('an endpoint that %s is spared, or not', async ([, steps, isIll]) => {
  const target = endpointAt(freshUrl())
  const { prompt } = await script(steps)
  const quick = { ...config(), UPSTREAM_HEADERS_MS: 100 }
  for (let n = 0; n < 5; n++) await askThem([target], prompt, { config: quick })
  expect((await askThem([target], 'Hello')).code).toBe(isIll ? 'upstream_busy' : undefined)
})

test('models that are served here get their tries whatever happened before', async () => {
  const served = listed().MODELS[0]!
  await fail(served, 6)
  expect((await askThem([served], 'Hello')).finish).toBe('stop')
})

/** Has a Runner make a run at endpoints, with keys and origins of its own in its configuration. */
async function run(targets: Target[], content: string, changes: Partial<Config>, more: Partial<Job> = {}) {
  const ada = await signIn()
  const id = newId()
  const job: Job = {
    run: {
      id,
      runner: `k:${id}`,
      kind: 'gateway',
      userId: ada.user.id,
      conversationId: null,
      userMessageId: null,
      messageId: null,
      model: listed().MODELS[0]!.id,
      context: { sent: 1, dropped: 0, tokens: 10 },
      reserved: null,
      warnings: [],
      createdAt: Date.now(),
    },
    messages: [{ role: 'user', content }],
    searches: false,
    maxOutputTokens: 100,
    targets,
    ...more,
  }
  await env.DB.prepare(
    `INSERT INTO runs (id, user_id, kind, runner, model, status, context, reserved, warnings, lease_until, created_at)
       VALUES (?, ?, 'gateway', ?, ?, 'in_progress', ?, NULL, '[]', ?, ?)`,
  )
    .bind(
      id,
      ada.user.id,
      job.run.runner,
      job.run.model,
      JSON.stringify(job.run.context),
      Date.now() + 60_000,
      Date.now(),
    )
    .run()
  return runInDurableObject(env.RUNNER.getByName(job.run.runner!), async (runner: Runner) => {
    const kept = configOf((runner as unknown as { env: Env }).env)
    const before = { ...kept }
    Object.assign(kept, { LLM_ENDPOINT_ALLOWLIST: [fakeOrigin()] }, changes)
    try {
      const watch = await runner.start(job)
      if (watch.kind !== 'stream') throw new Error(watch.kind)
      const lines = (await new Response(watch.stream).text()).trim().split('\n')
      return lines.map((line) => JSON.parse(line))
    } finally {
      Object.assign(kept, { ENCRYPTION_KEY: undefined, ENCRYPTION_KEY_PREVIOUS: undefined }, before)
    }
  })
}

const newKey = async () => {
  const key = newSecret(32)
  return { id: (await sha256(`sealing:${key}`)).slice(0, 8), key }
}

test('a Runner opens the key of an endpoint for its origin and chatbot alone, also by the previous key', async () => {
  const [key, next] = [await newKey(), await newKey()]
  const sealed = await seal([key], 'sk-theirs', `bot ${fakeOrigin()}`)
  const { prompt, calls } = await script(reply(1))
  const ended = async (more: object, changes: Partial<Config>) => {
    const target = endpointAt(freshUrl(), { sealed, ...more })
    const last = (await run([target], prompt, changes)).at(-1)
    return last.error?.code ?? last.finish_reason
  }
  expect(await ended({}, { ENCRYPTION_KEY: key.key })).toBe('stop')
  expect(await ended({}, { ENCRYPTION_KEY: next.key, ENCRYPTION_KEY_PREVIOUS: key.key })).toBe('stop')
  expect((await calls()).map(({ headers }) => headers.authorization)).toEqual(['…eirs', '…eirs'])
  expect(await ended({}, { ENCRYPTION_KEY: next.key })).toBe('upstream_auth')
  expect(await ended({}, {})).toBe('upstream_auth')
  expect(await ended({ chatbotId: 'another' }, { ENCRYPTION_KEY: key.key })).toBe('upstream_auth')
  const other = await seal([key], 'sk-theirs', 'bot https://api.example.com')
  expect(await ended({ sealed: other }, { ENCRYPTION_KEY: key.key })).toBe('upstream_auth')
  expect(await calls()).toHaveLength(2)
})

test('an answer of an endpoint costs nothing here, though its model is called as one of ours, and a fallback has its price', async () => {
  const MODELS = listed().MODELS.map((model) => ({ ...model, price_in: 1_000_000_000, price_out: 1_000_000_000 }))
  const cost = (events: { type: string; cost_microusd?: number }[]) =>
    events.find(({ type }) => type === 'usage')!.cost_microusd
  const disguised = { ...endpointAt(freshUrl()), ...MODELS[0]!, id: MODELS[0]!.id }
  const { prompt } = await script(reply(1))
  expect(cost(await run([disguised], prompt, { MODELS }))).toBe(0)
  const second = await script(failing, reply(1))
  expect(cost(await run([disguised, MODELS[0]!], second.prompt, { MODELS }))).toBe(11_000)
})

test('so it is when the run was lost, of which no more is known than what was kept', () => {
  const [model] = listed().MODELS.map((one) => ({ ...one, price_in: 1_000_000_000, price_out: 1_000_000_000 }))
  const lost = (name: string) => {
    const kept = { model: name, context: { tokens: 10 }, reserved: null } as unknown as Job['run']
    const error = { code: 'run_interrupted', message: '', retryable: true }
    return lostResultOf(kept, { status: 'interrupted', error }, { text: 'So', sources: [], made: 3 }, [model!]).usage
  }
  expect(lost(AT_ENDPOINT)).toMatchObject({ total_tokens: 11, cost_microusd: 0 })
  expect(lost(model!.id)).toMatchObject({ total_tokens: 11, cost_microusd: 11_000 })
})

test("calls of a client's tools are logged after the text, and the run is completed with them", async () => {
  const { prompt } = await script([
    { text: 'Let me see. ' },
    { call: { id: 'a', name: 'weather', arguments: '{"city":"Bern"}' } },
    { call: { id: 'b', name: 'weather', arguments: '{"city":"Chur"}' }, index: 1 },
    { finish: 'tool_calls' },
    { done: true },
  ])
  const tools = [{ type: 'function', function: { name: 'weather', parameters: {} } }]
  const events = await run([endpointAt(freshUrl())], prompt, {}, { options: { tools } })
  expect(events.map(({ type }) => type)).toEqual([
    'run.created',
    'message.delta',
    'tool.call',
    'tool.call',
    'usage',
    'run.completed',
  ])
  expect(events[2]).toMatchObject({ call_id: 'a', arguments: '{"city":"Bern"}', executor: 'client', seq: 3 })
  expect(events.at(-1)).toMatchObject({ finish_reason: 'tool_calls', persisted: true })
  const stored = await one<{ finish_reason: string }>('SELECT finish_reason FROM runs WHERE id = ?', events[0].run_id)
  expect(stored).toEqual({ finish_reason: 'tool_calls' })
})
