import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { canonicalPath } from '../../src/http/paths.ts'
import { WINDOW_MS } from '../../src/lib/rate-limiter.ts'
import { client, freshAddress, openApi, type SignedIn, signIn } from '../support/client.ts'
import { checkAnswer, findOperation, operationsOf } from '../support/contract.ts'
import { setPlan } from '../support/plans.ts'

const { RATE_LIMITS } = env

/** Begins a window of its own for each test; the clock stands still in it unless it is set. */
let start = Math.ceil(Date.now() / WINDOW_MS) * WINDOW_MS
const clock = (seconds: number) => vi.spyOn(Date, 'now').mockReturnValue(start + seconds * 1_000)

let ada: SignedIn
let bob: SignedIn
beforeEach(async () => {
  ada = await signIn()
  bob = await signIn()
  start += 10 * WINDOW_MS
  clock(18)
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

type Ask = { method?: string; path?: string; token?: string; body?: BodyInit; address?: string; type?: string }

/** An app with other variables or bindings; `after` is what goes on after its answers. */
function withEnv(changes: object = {}) {
  const changed = { ...env, ...changes } as Env
  const after: Promise<unknown>[] = []
  const execution = { waitUntil: (work: Promise<unknown>) => after.push(work) } as unknown as ExecutionContext
  const ask = async ({ method, path = '/auth/me', token = ada.tokens.access_token, body, address, type }: Ask = {}) => {
    const request = new Request(`https://parley.test/api/v1${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      body,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        'cf-connecting-ip': address ?? freshAddress(),
        'content-type': type ?? 'application/json',
      },
    })
    const response = await app.fetch(request, changed, execution)
    const text = await response.clone().text()
    const answer = text ? JSON.parse(text) : undefined
    checkAnswer(
      await openApi(),
      findOperation(await openApi(), request.method, canonicalPath(`/api/v1${path}`))!,
      response,
      answer,
    )
    return { request, status: response.status, headers: response.headers, body: answer }
  }
  const times = async (n: number, what?: Ask) => {
    const answers: Awaited<ReturnType<typeof ask>>[] = []
    while (answers.length < n) answers.push(await ask(what))
    return answers.map(({ status }) => status)
  }
  return { ask, times, after }
}

const chat: Ask = { path: '/chat', body: '{}' }

test('all operations are limited but these, and each of their answers may say so', async () => {
  const operations = operationsOf(await openApi())
  const unlimited = operations.filter(({ operation }) => !operation.responses['429']?.headers?.RateLimit)
  expect(unlimited.map(({ operation }) => operation.operationId)).toEqual([
    'getHealth',
    'getReadiness',
    'listPlans',
    'getUploadOptions',
    // Ten sockets of a user, and a signature is all that is looked at before.
    'openSocket',
    'openSocketAs',
  ])
  for (const { operation } of operations.filter((found) => !unlimited.includes(found))) {
    for (const { headers } of Object.values(operation.responses)) {
      expect(Object.keys(headers ?? {})).toEqual(expect.arrayContaining(['RateLimit-Policy', 'RateLimit']))
    }
  }
})

test('an answer says what is left, a refusal when to come again, and who does so is let in', async () => {
  const { ask } = withEnv({ API_RATE_LIMIT: '2' })
  const first = await ask()
  expect(first.status).toBe(200)
  expect(first.headers.get('ratelimit-policy')).toBe('"api";q=2;w=60')
  expect(first.headers.get('ratelimit')).toBe('"api";r=1;t=42')
  expect((await ask({ path: '/conversations/no-uuid' })).headers.get('ratelimit')).toBe('"api";r=0;t=42')
  clock(30.5)
  const refused = await ask()
  expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limit_exceeded' } })
  expect(refused.headers.get('ratelimit')).toBe('"api";r=0;t=30')
  expect(refused.headers.get('retry-after')).toBe('30')
  clock(30.5 + 30)
  expect(await ask()).toMatchObject({ status: 200 })
})

test('each user has a limit of their own, and each policy', async () => {
  const { ask, times } = withEnv({ API_RATE_LIMIT: '1', AUTH_RATE_LIMIT: '1' })
  expect(await times(2)).toEqual([200, 429])
  expect((await ask(chat)).status).toBe(422)
  expect((await ask({ path: '/auth/login', body: '{}' })).status).toBe(422)
  expect((await ask({ token: bob.tokens.access_token })).status).toBe(200)
})

test('administrators are limited like everybody, and who is none before D1 says so', async () => {
  expect(await withEnv({ API_RATE_LIMIT: '1' }).times(2, { path: '/db-status' })).toEqual([403, 429])
})

test('routes of /auth for everybody are limited by address', async () => {
  const { ask, times } = withEnv({ AUTH_RATE_LIMIT: '2' })
  const login = { path: '/auth/login', body: '{}', address: '192.0.2.1' }
  expect(await times(3, login)).toEqual([422, 422, 429])
  expect((await ask({ ...login, path: '/auth/refresh' })).status).toBe(429)
  expect((await ask({ ...login, address: '192.0.2.2' })).status).toBe(422)
  // Of IPv6 the network counts.
  expect(await times(2, { ...login, address: '2001:db8::1' })).toEqual([422, 422])
  expect((await ask({ ...login, address: '2001:db8::2' })).status).toBe(429)
})

test('/auth/token refuses in its own form', async () => {
  const { ask } = withEnv({ AUTH_RATE_LIMIT: '1' })
  const grant = {
    path: '/auth/token',
    body: 'username=a',
    type: 'application/x-www-form-urlencoded',
    address: '192.0.2.3',
  }
  expect(await ask(grant)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  const refused = await ask(grant)
  expect(refused).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } })
  expect(refused.headers.get('retry-after')).toBe('42')
  expect(refused.headers.get('ratelimit')).toBe('"auth";r=0;t=42')
})

test('routes that start a run go by the plan, which the answer names, and another plan holds soon', async () => {
  const missing = { ...chat, body: JSON.stringify({ message: 'Hi', chat_id: crypto.randomUUID() }) }
  const { ask, times } = withEnv()
  const first = await ask(missing)
  expect(first.headers.get('ratelimit-policy')).toBe('"chat";q=20;w=60')
  expect(first.headers.get('ratelimit')).toBe('"chat";r=19;t=42')
  expect(await times(20, missing)).toEqual([...Array(19).fill(404), 429])
  expect((await ask()).headers.get('ratelimit')).toBe('"api";r=599;t=42')
  await setPlan(ada, 'pro')
  clock(30)
  await ask()
  expect((await ask(missing)).headers.get('ratelimit-policy')).toBe('"chat";q=120;w=60')
})

test('a stream has the headers too', async () => {
  const response = await ada.open('POST', '/conversations/00000000-0000-4000-8000-000000000000/messages', {
    content: 'a',
  })
  expect(response.headers.get('ratelimit-policy')).toMatch(/^"chat";q=\d+;w=60$/)
  await response.body?.cancel()
  const { body } = await ada('POST', '/conversations', {})
  const stream = await ada.open('POST', `/conversations/${body.id}/messages`, {
    content: 'Hi',
    model: 'parley-offline',
    stream: true,
  })
  expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  expect(stream.headers.get('ratelimit')).toMatch(/^"chat";r=\d+;t=42$/)
  await stream.text()
})

test('a refusal reads no body and asks D1 nothing; without a good token nothing is counted', async () => {
  const { ask } = withEnv({ API_RATE_LIMIT: '1' })
  const change = { method: 'PATCH', path: '/users/me', body: '{"display_name":"Ada"}' }
  const nobody = await ask({ ...change, token: 'x.y.z' })
  expect([nobody.status, nobody.headers.get('ratelimit')]).toEqual([401, null])
  const first = await ask(change)
  expect([first.status, first.request.bodyUsed]).toEqual([200, true])
  const refused = await ask(change)
  expect([refused.status, refused.request.bodyUsed]).toEqual([429, false])
  expect(refused.headers.get('server-timing')).toContain('trips=0')
})

test('what other isolates let in counts, from the merge on', async () => {
  const { ask, after } = withEnv({ API_RATE_LIMIT: '10' })
  const counts = { [`api:${ada.user.id}`]: 6 }
  await RATE_LIMITS.put('rate-limits/other', JSON.stringify({ window: start, counts }))
  expect((await ask()).headers.get('ratelimit')).toBe('"api";r=9;t=42')
  await after[0]
  expect((await ask()).headers.get('ratelimit')).toBe('"api";r=2;t=42')
})

/** What isolates published in this window. */
async function published() {
  const { keys } = await RATE_LIMITS.list({ prefix: 'rate-limits/' })
  const values = await Promise.all(keys.map(({ name }) => RATE_LIMITS.get(name)))
  return values.filter((value) => value !== null && JSON.parse(value).window === start)
}

test('an isolate publishes its counts by ids and hashes, once in five seconds at the most', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const put = vi.fn(RATE_LIMITS.put.bind(RATE_LIMITS))
  const { list, get } = RATE_LIMITS
  const store = { put, list: list.bind(RATE_LIMITS), get: get.bind(RATE_LIMITS) }
  const { ask, times, after } = withEnv({ RATE_LIMITS: store })
  await times(20)
  await ask({ path: '/auth/login', body: '{}', address: '192.0.2.77' })
  clock(22.9)
  await times(20)
  expect(put).toHaveBeenCalledTimes(1)
  // The first merge, and the one that waits for its time: a request that asks for it is not needed.
  expect(after.length).toBe(2)
  clock(23)
  await vi.advanceTimersByTimeAsync(5_000)
  await Promise.all(after)
  expect(put).toHaveBeenCalledTimes(2)
  const [value, ...others] = await published()
  expect(others).toEqual([])
  const [api, auth] = Object.entries(JSON.parse(value!).counts)
  expect(api).toEqual([`api:${ada.user.id}`, 40])
  expect(auth).toEqual([expect.stringMatching(/^auth:[\w-]{16}$/), 1])
  expect(value).not.toContain('192.0.2.77')
})

/** Lines of the log that warn, from now on. */
function collectWarnings() {
  const lines: { event: string; faults?: string }[] = []
  vi.spyOn(console, 'warn').mockImplementation((line) => lines.push(JSON.parse(line)))
  return lines
}

test('while KV fails, requests pass by the counts of the isolate, and the log says so once per merge', async () => {
  const warnings = collectWarnings()
  const fail = async () => {
    throw new Error('KV is down')
  }
  const { times, after } = withEnv({ API_RATE_LIMIT: '5', RATE_LIMITS: { put: fail, list: fail, get: fail } })
  expect(await times(6)).toEqual([200, 200, 200, 200, 200, 429])
  await after[0]
  expect(warnings).toMatchObject([{ event: 'limiter_open', faults: 'write read' }])
})

test('garbage in KV is passed over, and the log says so', async () => {
  const warnings = collectWarnings()
  await RATE_LIMITS.put('rate-limits/garbage', '{"window":')
  const { ask, after } = withEnv()
  expect((await ask()).status).toBe(200)
  await after[0]
  await RATE_LIMITS.delete('rate-limits/garbage')
  expect(warnings).toMatchObject([{ event: 'limiter_open', faults: 'value' }])
})

test('a KV that never answers holds up nothing', async () => {
  const warnings = collectWarnings()
  const never = () => new Promise(() => {})
  const { times, after } = withEnv({ API_RATE_LIMIT: '2', RATE_LIMITS: { put: never, list: never, get: never } })
  expect(await times(3)).toEqual([200, 200, 429])
  await after[0]
  expect(warnings).toMatchObject([{ event: 'limiter_open', faults: 'write read' }])
})

test('the burst brake is asked about one request in twenty, and holds a subject until it lets go', async () => {
  let success = false
  const limit = vi.fn(async (_: { key: string }) => ({ success }))
  const { ask, times } = withEnv({ BURST: { limit } })
  expect(await times(22)).toEqual([...Array(19).fill(200), 429, 429, 429])
  expect(limit.mock.calls.map(([{ key }]) => key)).toEqual(Array(3).fill(`api:${ada.user.id}`))
  clock(55)
  const refused = await ask()
  expect(refused.headers.get('ratelimit')).toBe('"api";r=0;t=10')
  expect(refused.headers.get('retry-after')).toBe('10')
  success = true
  expect(await times(20)).toEqual(Array(20).fill(200))
})

test('without a burst brake, or with one that fails or hangs, requests pass', async () => {
  const limits = [() => Promise.reject(new Error('down')), () => new Promise(() => {})]
  for (const BURST of [undefined, ...limits.map((limit) => ({ limit }))]) {
    expect(await withEnv({ BURST }).times(20)).toEqual(Array(20).fill(200))
  }
})

test('the binding of wrangler.toml refuses what is too much for a location', async () => {
  // The clock of the simulator goes on, so that a few may fall into its next window.
  const outcomes = await Promise.all(Array.from({ length: 31 }, () => env.BURST.limit({ key: ada.user.id })))
  expect(outcomes.some(({ success }) => success)).toBe(true)
  expect(outcomes.some(({ success }) => !success)).toBe(true)
})

test('browsers may read the headers', async () => {
  const { headers } = await client()('GET', '/health', undefined, { headers: { origin: 'https://chat.example.com' } })
  const exposed = headers.get('access-control-expose-headers')!.split(',')
  expect(exposed).toEqual(expect.arrayContaining(['RateLimit-Policy', 'RateLimit', 'Retry-After']))
})
