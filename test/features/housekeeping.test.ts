import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { SWEEP_ROWS } from '../../src/db/sweep.ts'
import { client, countOf, countTo, one, PASSWORD, runChores, type SignedIn, signIn } from '../support/client.ts'

const anyone = client()
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const after = (ms: number) => new Date(Date.now() + ms)

afterEach(() => vi.restoreAllMocks())

const refresh = (refresh_token: string) => anyone('POST', '/auth/refresh', { refresh_token })
const login = ({ user }: SignedIn, password = PASSWORD) =>
  anyone('POST', '/auth/login', { email: user.email, password })
const run = (query: string, ...values: unknown[]) =>
  env.DB.prepare(query)
    .bind(...values)
    .run()
const fresh = (count: number) => JSON.stringify(countTo(count).map(() => crypto.randomUUID()))

const sessionsOf = ({ user }: SignedIn) => countOf('sessions WHERE user_id = ?', user.id)
const tokensOf = ({ user }: SignedIn) =>
  countOf('refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = ?)', user.id)

test('a session that nobody used for a week goes, with its refresh tokens, and the others stay', async () => {
  const ada = await signIn()
  await refresh(ada.tokens.refresh_token!)
  await login(ada)
  await login(ada)
  await run(
    'UPDATE sessions SET last_used_at = ? WHERE id IN (SELECT id FROM sessions WHERE user_id = ? ORDER BY id LIMIT 2)',
    Date.now() - 7 * DAY_MS - MINUTE_MS,
    ada.user.id,
  )
  expect([await sessionsOf(ada), await tokensOf(ada)]).toEqual([3, 4])
  await runChores()
  expect([await sessionsOf(ada), await tokensOf(ada)]).toEqual([1, 1])
  expect(await countOf('refresh_tokens WHERE session_id NOT IN (SELECT id FROM sessions)')).toBe(0)
})

test('a session that goes on outlives the chores for as long as it may be idle, and not longer', async () => {
  const ada = await signIn()
  await runChores(after(7 * DAY_MS - MINUTE_MS))
  expect([await sessionsOf(ada), await tokensOf(ada)]).toEqual([1, 1])
  expect((await refresh(ada.tokens.refresh_token!)).status).toBe(200)
  await runChores(after(7 * DAY_MS + MINUTE_MS))
  expect([await sessionsOf(ada), await tokensOf(ada)]).toEqual([0, 0])
})

test('a spent refresh token stays as long as its session, so that its reuse is recognised', async () => {
  const ada = await signIn()
  const second = (await refresh(ada.tokens.refresh_token!)).body.refresh_token
  const third = (await refresh(second)).body.refresh_token
  await runChores(after(6 * DAY_MS))
  expect((await refresh(ada.tokens.refresh_token!)).status).toBe(401)
  expect((await refresh(third)).status).toBe(401)
  const { reason } = (await one<{ reason: string }>(
    'SELECT revoked_reason AS reason FROM sessions WHERE user_id = ?',
    ada.user.id,
  ))!
  expect(reason).toBe('token_reuse')
  await runChores()
  expect([await sessionsOf(ada), await tokensOf(ada)]).toEqual([1, 3])
})

test('codes of mails go when they are too old', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  for (const [{ user }, expiresAt] of [
    [ada, Date.now() - 1],
    [bob, Date.now() + MINUTE_MS],
  ] as const) {
    await run(
      `INSERT OR REPLACE INTO mail_tokens (user_id, purpose, hash, email, created_at, expires_at)
       VALUES (?, 'reset', ?, ?, ?, ?)`,
      user.id,
      crypto.randomUUID(),
      user.email,
      Date.now(),
      expiresAt,
    )
  }
  await runChores()
  const left = ({ user }: SignedIn) => countOf("mail_tokens WHERE purpose = 'reset' AND user_id = ?", user.id)
  expect([await left(ada), await left(bob)]).toEqual([0, 1])
})

test('counts of attempts go when their window is over, and not before', async () => {
  const ada = await signIn()
  await run('DELETE FROM attempts')
  for (const _ of countTo(10)) expect((await login(ada, 'not-the-password')).status).toBe(401)
  await runChores(after(14 * MINUTE_MS))
  expect((await login(ada)).status).toBe(429)
  await runChores(after(16 * MINUTE_MS))
  expect(await countOf("attempts WHERE subject GLOB 'account:*'")).toBe(0)
  expect((await login(ada)).status).toBe(200)
})

test('an idempotency key is forgotten after a day, and not before', async () => {
  const ada = await signIn()
  const make = async () =>
    (await ada('POST', '/conversations', { title: 'Once' }, { headers: { 'idempotency-key': 'k' } })).body.id
  const id = await make()
  await runChores(after(DAY_MS - MINUTE_MS))
  expect(await make()).toBe(id)
  await runChores(after(DAY_MS + MINUTE_MS))
  expect(await make()).not.toBe(id)
})

const MANY = 2 * SWEEP_ROWS + 200

test('one run removes more old sessions than one statement may', async () => {
  const ada = await signIn()
  await run(
    'INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) SELECT value, ?, 1, 1, 2 FROM json_each(?)',
    ada.user.id,
    fresh(MANY),
  )
  await run(
    `INSERT INTO refresh_tokens (hash, session_id, created_at, expires_at)
     SELECT 'hash of ' || id, id, 1, 2 FROM sessions WHERE user_id = ? AND last_used_at = 1`,
    ada.user.id,
  )
  await runChores()
  expect([await sessionsOf(ada), await tokensOf(ada)]).toEqual([1, 1])
})

test('one run removes the many refresh tokens of one old session', async () => {
  const ada = await signIn()
  const { id } = (await one<{ id: string }>('SELECT id FROM sessions WHERE user_id = ?', ada.user.id))!
  await run(
    'INSERT INTO refresh_tokens (hash, session_id, created_at, expires_at) SELECT value, ?, 1, 2 FROM json_each(?)',
    id,
    fresh(MANY),
  )
  await run('UPDATE sessions SET last_used_at = 1 WHERE id = ?', id)
  await runChores()
  expect(await sessionsOf(ada)).toBe(0)
  expect(await countOf('refresh_tokens WHERE session_id = ?', id)).toBe(0)
})

test('one run removes more counts, codes and keys than one statement may, and leaves what is beyond all measure', async () => {
  const ada = await signIn()
  await run('DELETE FROM attempts')
  await run('INSERT INTO attempts (subject, n, resets_at) SELECT value, 1, 1 FROM json_each(?)', fresh(MANY))
  await run(
    `INSERT INTO idempotency_keys (scope, route, key, fingerprint, result_id, created_at)
     SELECT ?, 'test', value, 'x', 'x', 1 FROM json_each(?)`,
    `user:${ada.user.id}`,
    fresh(MANY),
  )
  await run(
    `INSERT INTO users (id, username, display_name, password_hash, created_at, updated_at)
     SELECT value, value, 'Many', 'none', 1, 1 FROM json_each(?)`,
    fresh(MANY),
  )
  await run(
    `INSERT INTO mail_tokens (user_id, purpose, hash, email, created_at, expires_at)
     SELECT id, 'verify', 'hash of ' || id, '', 1, 2 FROM users WHERE display_name = 'Many'`,
  )
  await runChores()
  expect(await countOf('attempts')).toBe(0)
  expect(await countOf('idempotency_keys WHERE created_at = 1')).toBe(0)
  expect(await countOf('mail_tokens WHERE created_at = 1')).toBe(0)
  await run('INSERT INTO attempts (subject, n, resets_at) SELECT value, 1, 1 FROM json_each(?)', fresh(6_000))
  await runChores()
  expect(await countOf('attempts')).toBe(1_000)
  await runChores()
  expect(await countOf('attempts')).toBe(0)
})

test('a chore that fails keeps none of the others from being done', async () => {
  const error = vi.spyOn(console, 'error')
  await run('DELETE FROM attempts')
  await run('INSERT INTO attempts (subject, n, resets_at) VALUES (?, 1, 1)', crypto.randomUUID())
  await run('ALTER TABLE idempotency_keys RENAME TO idempotency_keys_away')
  await runChores()
  await run('ALTER TABLE idempotency_keys_away RENAME TO idempotency_keys')
  expect(await countOf('attempts')).toBe(0)
  const lines = error.mock.calls.map(([line]) => JSON.parse(line))
  expect(lines).toMatchObject([{ event: 'chore_failed', chore: 'forgetOldKeys' }])
})
