import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { type Client, client, countTo, one, PASSWORD, type SignedIn, signIn } from '../support/client.ts'

const anyone = client()
const DAY_MS = 86_400_000

afterEach(() => vi.restoreAllMocks())

type Session = Record<'id' | 'device' | 'address_hash' | 'last_used_at' | 'idle_expires_at' | 'expires_at', string> & {
  current: boolean
}

const refresh = (refresh_token: string) => anyone('POST', '/auth/refresh', { refresh_token })
const list = async (user: Client, query = '') => (await user('GET', `/auth/sessions${query}`)).body as Session[]
const later = (ms: number) => vi.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)
const change = (set: string, id: string) => env.DB.prepare(`UPDATE sessions SET ${set} WHERE id = ?`).bind(id).run()

/** Another session of a user: its client, its tokens, and its id. */
async function again({ user }: SignedIn, headers: Record<string, string> = {}) {
  const { body: tokens } = await anyone('POST', '/auth/login', { email: user.email, password: PASSWORD }, { headers })
  const caller = client(tokens.access_token)
  const { id } = (await list(caller)).find(({ current }) => current)!
  return Object.assign(caller, { tokens, id })
}

const ownId = async (user: Client) => (await list(user)).find(({ current }) => current)!.id

/** Makes refresh tokens of a session, as if it had been refreshed so often. */
const refreshedBefore = (sessionId: string, times: number) =>
  env.DB.prepare(
    `INSERT INTO refresh_tokens (hash, session_id, created_at, expires_at, used_at)
     SELECT value, ?, ?, ?, 1 FROM json_each(?)`,
  )
    .bind(sessionId, Date.now(), Date.now() + DAY_MS, JSON.stringify(countTo(times).map(() => crypto.randomUUID())))
    .run()

test('the list shows where a user is signed in, newest first, and until when', async () => {
  const ada = await signIn()
  const phone = await again(ada, { 'user-agent': 'phone/1' })
  await again(ada, { 'user-agent': `laptop/2 ${'x'.repeat(300)}` })
  const { status, body } = await phone('GET', '/auth/sessions')
  expect([status, body.length]).toEqual([200, 3])
  expect(body.map(({ current }: Session) => current)).toEqual([false, true, false])
  expect(body[0].device).toBe(`laptop/2 ${'x'.repeat(300)}`.slice(0, 200))
  expect(body[1]).toMatchObject({ id: phone.id, device: 'phone/1' })
  for (const session of body) {
    const [created, used, idle, end] = ['created_at', 'last_used_at', 'idle_expires_at', 'expires_at'].map((name) =>
      Date.parse(session[name]),
    )
    expect([used, idle, end]).toEqual([created, created! + 7 * DAY_MS, created! + 30 * DAY_MS])
  }
})

test('an address shows as a hash, which is equal for one address and for one network of IPv6', async () => {
  const ada = await signIn()
  const addresses = [
    '192.0.2.7',
    '192.0.2.7',
    '192.0.2.8',
    '2001:db8:1:2::1',
    '2001:db8:1:2:ffff::9',
    '2001:db8:1:3::1',
  ]
  for (const address of addresses) await again(ada, { 'cf-connecting-ip': address })
  const hashes = (await list(ada)).map(({ address_hash }) => address_hash).reverse()
  const [, first, same, other, sixth, alsoSixth, otherSixth] = hashes
  expect([same, alsoSixth]).toEqual([first, sixth])
  expect(new Set([first, other, sixth, otherSixth]).size).toBe(4)
  for (const hash of hashes) expect(hash).toMatch(/^[\w-]{16}$/)
})

test('the list has pages, and a cursor of another list is refused', async () => {
  const ada = await signIn()
  for (const _ of countTo(4)) await again(ada)
  const whole = (await list(ada)).map(({ id }) => id)
  const pages: string[][] = []
  for (let cursor = ''; pages.length === 0 || cursor; ) {
    const { body, headers } = await ada('GET', `/auth/sessions?limit=2${cursor && `&cursor=${cursor}`}`)
    pages.push(body.map(({ id }: Session) => id))
    cursor = headers.get('x-next-cursor') ?? ''
  }
  expect(pages.map((page) => page.length)).toEqual([2, 2, 1])
  expect(pages.flat()).toEqual(whole)
  for (const _ of countTo(2)) await ada('POST', '/conversations', {})
  const foreign = (await ada('GET', '/conversations?limit=1')).headers.get('x-next-cursor')
  for (const cursor of [foreign, 'nonsense']) {
    expect((await ada('GET', `/auth/sessions?cursor=${cursor}`)).status).toBe(422)
  }
})

test('sessions that have ended, expired or were idle for too long are not in the list', async () => {
  const ada = await signIn()
  const [left, expired, idle] = [await again(ada), await again(ada), await again(ada)]
  await left('POST', '/auth/logout')
  await change(`expires_at = ${Date.now() - 1}`, expired.id)
  await change(`last_used_at = ${Date.now() - 7 * DAY_MS - 1}`, idle.id)
  expect((await list(ada)).map(({ current }) => current)).toEqual([true])
})

test('a user sees and ends nobody else’s sessions', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await ownId(bob)
  expect((await list(ada)).map((session) => session.id)).not.toContain(id)
  const missing = await ada('DELETE', `/auth/sessions/${crypto.randomUUID()}`)
  const foreign = await ada('DELETE', `/auth/sessions/${id}`)
  expect([missing.status, foreign.status]).toEqual([404, 404])
  expect({ ...foreign.body, request_id: 0 }).toEqual({ ...missing.body, request_id: 0 })
  expect((await list(bob)).map((session) => session.id)).toEqual([id])
  expect((await refresh(bob.tokens.refresh_token!)).status).toBe(200)
})

test('ending a session stops its tokens at once, and no other session', async () => {
  const ada = await signIn()
  const phone = await again(ada)
  expect((await phone('GET', '/auth/me')).status).toBe(200)
  expect((await ada('DELETE', `/auth/sessions/${phone.id}`)).status).toBe(204)
  expect((await phone('GET', '/auth/me')).status).toBe(401)
  expect((await refresh(phone.tokens.refresh_token)).status).toBe(401)
  expect(await ada('DELETE', `/auth/sessions/${phone.id}`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  expect((await list(ada)).map(({ current }) => current)).toEqual([true])
  expect((await refresh(ada.tokens.refresh_token!)).status).toBe(200)
})

test('a session can end itself, and says so in the log', async () => {
  const ada = await signIn()
  const id = await ownId(ada)
  const log = vi.spyOn(console, 'log')
  expect((await ada('DELETE', `/auth/sessions/${id}`)).status).toBe(204)
  const lines = log.mock.calls.map(([line]) => JSON.parse(line)).filter(({ event }) => event === 'session_revoked')
  expect(lines).toMatchObject([{ session_id: id, user_id: ada.user.id, reason: 'by_owner' }])
  expect(lines[0].request_id).toBeTruthy()
  expect((await ada('GET', '/auth/me')).status).toBe(401)
})

test('a refresh moves the last use and the idle end', async () => {
  const ada = await signIn()
  const id = await ownId(ada)
  await change(`last_used_at = ${Date.now() - 2 * DAY_MS}`, id)
  const [before] = await list(ada)
  expect((await refresh(ada.tokens.refresh_token!)).status).toBe(200)
  const [after] = await list(ada)
  expect(Date.parse(after!.last_used_at) - Date.parse(before!.last_used_at)).toBeGreaterThan(DAY_MS)
  expect(Date.parse(after!.idle_expires_at)).toBe(Date.parse(after!.last_used_at) + 7 * DAY_MS)
  expect(after!.expires_at).toBe(before!.expires_at)
})

test('no refresh carries a session past its absolute end', async () => {
  const ada = await signIn()
  const id = await ownId(ada)
  await change(`expires_at = ${Date.now() + DAY_MS}`, id)
  const { refresh_token } = (await refresh(ada.tokens.refresh_token!)).body
  const [session] = await list(ada)
  expect(session!.idle_expires_at).toBe(session!.expires_at)
  later(DAY_MS + 1_000)
  expect((await refresh(refresh_token)).status).toBe(401)
})

test('a session is refreshed sixty times an hour; more has to wait, and ends nothing', async () => {
  const ada = await signIn()
  const phone = await again(ada)
  await refreshedBefore(await ownId(ada), 58)
  const { refresh_token } = (await refresh(ada.tokens.refresh_token!)).body
  const refused = await refresh(refresh_token)
  expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limit_exceeded' } })
  const waitS = Number(refused.headers.get('retry-after'))
  expect(waitS).toBeGreaterThan(0)
  expect(waitS).toBeLessThanOrEqual(3_600)
  expect((await ada('GET', '/auth/me')).status).toBe(200)
  expect((await refresh(phone.tokens.refresh_token)).status).toBe(200)
  later(waitS * 1_000)
  expect((await refresh(refresh_token)).status).toBe(200)
})

test('a spent refresh token that comes back is logged with the end of its session', async () => {
  const ada = await signIn()
  const id = await ownId(ada)
  const second = (await refresh(ada.tokens.refresh_token!)).body.refresh_token
  await refresh(second)
  const [log, warn] = [vi.spyOn(console, 'log'), vi.spyOn(console, 'warn')]
  expect((await refresh(ada.tokens.refresh_token!)).status).toBe(401)
  const events = (spy: typeof log) => spy.mock.calls.map(([line]) => JSON.parse(line))
  const named = { user_id: ada.user.id, session_id: id }
  expect(events(warn)).toMatchObject([{ event: 'token_reuse', ...named }])
  expect(events(log)).toContainEqual(
    expect.objectContaining({ event: 'session_revoked', reason: 'token_reuse', ...named }),
  )
  const row = await one<{ reason: string }>('SELECT revoked_reason AS reason FROM sessions WHERE id = ?', id)
  expect(row!.reason).toBe('token_reuse')
})
