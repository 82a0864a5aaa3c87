import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { countTo, freshAddress, type SignedIn, signIn } from '../support/client.ts'
import { setPlan, signInWith } from '../support/plans.ts'

afterEach(() => vi.restoreAllMocks())

type Options = { method?: string; body?: BodyInit; headers?: Record<string, string>; variables?: object }

/** One request with other variables or bindings; what follows the answer is waited for only if asked. */
async function ask(path: string, { method = 'GET', body, headers, variables }: Options = {}, wait = false) {
  const execution = createExecutionContext()
  const request = new Request(`https://parley.test/api/v1${path}`, { method, body, headers })
  const response = await app.fetch(request, { ...env, ...variables } as Env, execution)
  if (wait) await waitOnExecutionContext(execution)
  return response
}

let jumps = 0

/** Sets the clock to the beginning of a window that nobody was in; `advance` moves it on. Tokens are judged by the real one. */
function newWindow() {
  jumps += 1
  const start = Math.ceil(Date.now() / 60_000) * 60_000 + jumps * 300_000
  const now = vi.spyOn(Date, 'now').mockReturnValue(start)
  return { start, advance: (ms: number) => now.mockReturnValue(start + ms) }
}

const bearer = ({ tokens }: SignedIn) => ({ authorization: `Bearer ${tokens.access_token}` })
/** What is left, and seconds until it is more. */
const leftOf = (response: Response) => {
  const [, policy, left, seconds] = /^"(\w+)";r=(\d+);t=(\d+)$/.exec(response.headers.get('ratelimit')!)!
  return { policy, left: Number(left), seconds: Number(seconds) }
}
const login = (address: string, variables: object) =>
  ask('/auth/login', {
    method: 'POST',
    body: JSON.stringify({ email: `${crypto.randomUUID()}@example.com`, password: 'whatever-it-is' }),
    headers: { 'content-type': 'application/json', 'cf-connecting-ip': address },
    variables,
  })

test('every answer of a limited route says what is left of which policy, and the last says when there is more', async () => {
  const ada = await signIn()
  const variables = { API_RATE_LIMIT: '3' }
  const answers = []
  for (const _ of countTo(4)) answers.push(await ask('/users/me', { headers: bearer(ada), variables }))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429])
  expect(answers.map((answer) => leftOf(answer).left)).toEqual([2, 1, 0, 0])
  expect(answers[0]!.headers.get('ratelimit-policy')).toBe('"api";q=3;w=60')
  const refused = answers[3]!
  const { code } = await refused.json<{ code: string }>()
  expect([code, refused.headers.get('retry-after')]).toEqual(['rate_limit_exceeded', String(leftOf(refused).seconds)])
})

test('whoever waits for as long as Retry-After says is let in', async () => {
  const ada = await signIn()
  const get = () => ask('/users/me', { headers: bearer(ada), variables: { API_RATE_LIMIT: '1' } })
  await get()
  const refused = await get()
  expect(refused.status).toBe(429)
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + Number(refused.headers.get('retry-after')) * 1_000)
  expect((await get()).status).toBe(200)
})

test('a refused request asks D1 for nothing, and its body is not read', async () => {
  const ada = await signIn()
  const variables = { API_RATE_LIMIT: '1' }
  await ask('/users/me', { headers: bearer(ada), variables })
  let pulls = 0
  const body = new ReadableStream({
    pull: (controller) => {
      pulls += 1
      controller.enqueue(new Uint8Array(1_000).fill(0x20))
    },
  })
  const headers = { ...bearer(ada), 'content-type': 'application/json' }
  const refused = await ask('/users/me', { method: 'PATCH', body, headers, variables })
  expect([refused.status, refused.headers.get('server-timing')!.includes('trips=0')]).toEqual([429, true])
  // One that is pulled beforehand fills the queue of the stream.
  expect(pulls).toBeLessThanOrEqual(1)
})

test('each subject and each policy has a count of its own', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const variables = { API_RATE_LIMIT: '1', AUTH_RATE_LIMIT: '1' }
  const status = async (user: SignedIn) => (await ask('/users/me', { headers: bearer(user), variables })).status
  expect([await status(ada), await status(ada), await status(bob)]).toEqual([200, 429, 200])
  const chat = await ada('POST', '/chat', { message: 'Hi', model: 'parley-offline' })
  expect(chat.status).toBe(200)
  const [one, other] = [freshAddress(), freshAddress()]
  const statuses = []
  for (const address of [one, one, other]) statuses.push((await login(address, variables)).status)
  expect(statuses).toEqual([401, 429, 401])
})

test('the form of OAuth is limited too, in its own words', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'cf-connecting-ip': freshAddress() }
  const post = () =>
    ask('/auth/token', { method: 'POST', body: 'username=x', headers, variables: { AUTH_RATE_LIMIT: '1' } })
  await post()
  const refused = await post()
  expect([refused.status, await refused.json()]).toMatchObject([429, { error: 'temporarily_unavailable' }])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
})

test('chat counts by the plan, which the answer names, and another plan holds soon', async () => {
  const [ada, rich] = [await signIn(), await signInWith()]
  const { advance } = newWindow()
  const chat = (user: SignedIn) => user('POST', '/chat', { message: 'Hi', chat_id: crypto.randomUUID() })
  const first = await chat(ada)
  expect([first.status, first.headers.get('ratelimit-policy')]).toEqual([404, '"chat";q=20;w=60'])
  expect(first.headers.get('ratelimit')).toBe('"chat";r=19;t=60')
  for (const _ of countTo(19)) await chat(ada)
  expect((await chat(ada)).status).toBe(429)
  expect((await ada('GET', '/conversations')).status).toBe(200)
  await setPlan(ada, 'pro')
  advance(11_000)
  await ada('GET', '/conversations')
  expect((await chat(ada)).headers.get('ratelimit-policy')).toBe('"chat";q=120;w=60')
  expect((await chat(rich)).headers.get('ratelimit-policy')).toBe('"chat";q=1000;w=60')
})

test('what another isolate counted is heard through KV', async () => {
  const ada = await signIn()
  const { start } = newWindow()
  const counts = { [`api:${ada.user.id}`]: 1_000 }
  await env.RATE_LIMITS.put(`rate-limits/${crypto.randomUUID()}`, JSON.stringify({ window: start, counts }))
  expect((await ask('/users/me', { headers: bearer(ada) }, true)).status).toBe(200)
  expect((await ask('/users/me', { headers: bearer(ada) })).status).toBe(429)
})

test('many requests write to KV once in five seconds, in one value that names no address', async () => {
  const ada = await signIn()
  const kv = env.RATE_LIMITS
  const put = vi.fn(kv.put.bind(kv))
  const RATE_LIMITS = { put, get: kv.get.bind(kv), list: kv.list.bind(kv) }
  const { advance } = newWindow()
  const writesAt = async (ms: number) => {
    advance(ms)
    await ask('/users/me', { headers: bearer(ada), variables: { RATE_LIMITS } })
    await new Promise((resolve) => setTimeout(resolve, 20))
    return put.mock.calls.length
  }
  const writes = []
  for (const ms of [0, 100, 2_000, 4_999, 5_000, 5_001, 9_000]) writes.push(await writesAt(ms))
  expect(writes).toEqual([1, 1, 1, 1, 2, 2, 2])
  const [name, value] = put.mock.calls[0] as unknown as [string, string]
  expect(value).toContain(`api:${ada.user.id}`)
  expect(`${name} ${value}`).not.toMatch(/\d+\.\d+\.\d+\.\d+|@/)
})

test.each([
  ['throws', () => Promise.reject(new Error('KV is down'))],
  ['never answers', () => new Promise(() => {})],
  ['answers nonsense', async () => new Map([['rate-limits/x', '{"counts":[]}']])],
])('when KV %s, requests are answered on the count of the isolate alone', async (_, get) => {
  const ada = await signIn()
  newWindow()
  const RATE_LIMITS = { get, put: get, list: async () => ({ keys: [{ name: 'rate-limits/x' }] }) }
  const variables = { RATE_LIMITS, API_RATE_LIMIT: '2' }
  const answers = []
  for (const _request of countTo(3)) answers.push((await ask('/users/me', { headers: bearer(ada), variables })).status)
  expect(answers).toEqual([200, 200, 429])
})

test('the burst brake refuses before anything is counted, and is no wall when it fails', async () => {
  const ada = await signIn()
  const get = (limit: () => Promise<{ success: boolean }>) =>
    ask('/users/me', { headers: bearer(ada), variables: { BURST: { limit } } })
  const refused = await get(async () => ({ success: false }))
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(10)
  expect((await get(() => Promise.reject(new Error('no binding')))).status).toBe(200)
  expect((await get(() => new Promise(() => {}))).status).toBe(200)
  expect((await ask('/users/me', { headers: bearer(ada), variables: { BURST: undefined } })).status).toBe(200)
})

test('health, readiness and the plans are never limited', async () => {
  for (const path of ['/health', '/ready', '/plans']) {
    const response = await ask(path, { variables: { API_RATE_LIMIT: '1', AUTH_RATE_LIMIT: '1' } })
    expect([path, response.status, response.headers.get('ratelimit')]).toEqual([path, 200, null])
  }
})
