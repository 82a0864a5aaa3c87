import { env } from 'cloudflare:workers'
import { SignJWT } from 'jose'
import { afterEach, expect, test, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { type Answer, client, countOf, countTo, one, PASSWORD, signIn } from '../support/client.ts'

const anyone = client()

afterEach(() => vi.restoreAllMocks())

const login = (body: object) => anyone('POST', '/auth/login', body)
const refresh = (refresh_token: string) => anyone('POST', '/auth/refresh', { refresh_token })
/** Cached for 10 s in the isolate: what ends a session elsewhere is seen then. */
const later = (ms: number) => vi.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)

test('a user registers, signs in by email or username, and asks who they are', async () => {
  const name = `ada-${crypto.randomUUID().slice(0, 8)}`
  const registered = await anyone('POST', '/auth/register', {
    username: name.toUpperCase(),
    email: ` ${name}@Example.com `,
    password: PASSWORD,
    display_name: 'Ada',
  })
  expect(registered).toMatchObject({
    status: 201,
    body: {
      token_type: 'bearer',
      expires_in: 1800,
      user: { email: `${name}@example.com`, username: name, role: 'user', plan: 'free' },
    },
  })
  for (const identifier of [{ email: `${name}@EXAMPLE.com` }, { username: name }]) {
    const { status, body } = await login({ ...identifier, password: PASSWORD })
    expect(status).toBe(200)
    expect((await client(body.access_token)('GET', '/auth/me')).body).toEqual(registered.body.user)
  }
})

test('an email or a username alone is enough, and none is not', async () => {
  const username = `solo-${crypto.randomUUID().slice(0, 8)}`
  expect((await anyone('POST', '/auth/register', { username, password: PASSWORD })).body.user.email).toBe(null)
  expect((await anyone('POST', '/auth/register', { password: PASSWORD })).status).toBe(422)
})

test('of twenty registrations with one address at once, one wins', async () => {
  const email = `race-${crypto.randomUUID()}@example.com`
  const register = async (): Promise<Answer> => {
    const answer = await anyone('POST', '/auth/register', { email, password: PASSWORD })
    // More than ten hashes at once are sent away, to come again.
    return answer.status === 503 ? register() : answer
  }
  const answers: Answer[] = await Promise.all(countTo(20).map(register))
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)])
  expect(await countOf('users WHERE email = ?', email)).toBe(1)
})

test('a weak password is refused with the reason, and makes nobody', async () => {
  for (const password of ['short', 'password123', 'x'.repeat(257)]) {
    const username = `weak-${crypto.randomUUID().slice(0, 8)}`
    const { status, body } = await anyone('POST', '/auth/register', { username, password })
    expect(status).toBe(422)
    expect(body.errors).toMatchObject([{ pointer: '/password' }])
    expect(JSON.stringify(body)).not.toContain(password)
    expect(await one('SELECT 1 FROM users WHERE username = ?', username)).toBe(null)
  }
})

test('an unknown name and a wrong password get the same answer', async () => {
  const ada = await signIn()
  const wrong = await login({ email: ada.user.email, password: 'not-the-password' })
  const unknown = await login({ email: `nobody-${ada.user.email}`, password: PASSWORD })
  expect(wrong).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
  expect({ ...unknown.body, request_id: 0 }).toEqual({ ...wrong.body, request_id: 0 })
})

test('a disabled user cannot sign in, and looks like a wrong password', async () => {
  const ada = await signIn()
  await env.DB.prepare('UPDATE users SET disabled_at = 1 WHERE id = ?').bind(ada.user.id).run()
  expect(await login({ email: ada.user.email, password: PASSWORD })).toMatchObject({ status: 401 })
})

test('a password is hashed anew when the cost has changed', async () => {
  const ada = await signIn()
  const hash = () => one<{ h: string }>('SELECT password_hash AS h FROM users WHERE id = ?', ada.user.id)
  const old = (await hash())!.h
  const { scryptSync } = await import('node:crypto')
  const salt = Buffer.alloc(16, 7)
  const other = `$scrypt$ln=3,r=8,p=3$${salt.toString('base64').replaceAll('=', '')}$${scryptSync(PASSWORD, salt, 32, { N: 8, r: 8, p: 3 }).toString('base64').replaceAll('=', '')}`
  await env.DB.prepare('UPDATE users SET password_hash = ? WHERE id = ?').bind(other, ada.user.id).run()
  expect((await login({ email: ada.user.email, password: PASSWORD })).status).toBe(200)
  expect((await hash())!.h).toMatch(/^\$scrypt\$ln=4,r=8,p=3\$/)
  expect((await hash())!.h).not.toBe(old)
})

test('a refresh token gives a successor, and of twenty parallel calls all get the same one', async () => {
  const { tokens } = await signIn()
  const answers = await Promise.all(countTo(20).map(() => refresh(tokens.refresh_token!)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
  const next = answers[0]!.body
  expect(next.refresh_token).not.toBe(tokens.refresh_token)
  expect((await client(next.access_token)('GET', '/auth/me')).status).toBe(200)
  expect((await anyone('POST', '/auth/refresh', { refreshToken: next.refresh_token })).status).toBe(200)
})

test('a spent refresh token ends the whole family once its successor was used', async () => {
  const ada = await signIn()
  const second = (await refresh(ada.tokens.refresh_token!)).body.refresh_token
  const third = (await refresh(second)).body.refresh_token
  expect((await refresh(ada.tokens.refresh_token!)).status).toBe(401)
  expect((await refresh(third)).status).toBe(401)
  expect((await ada('GET', '/auth/me')).status).toBe(401)
})

test('a spent refresh token ends the family after the grace, also when its successor is unused', async () => {
  const { tokens } = await signIn()
  const next = (await refresh(tokens.refresh_token!)).body.refresh_token
  later(16_000)
  expect((await refresh(tokens.refresh_token!)).status).toBe(401)
  vi.restoreAllMocks()
  expect((await refresh(next)).status).toBe(401)
})

test('an unknown refresh token ends nothing', async () => {
  const { tokens } = await signIn()
  expect((await refresh('x'.repeat(43))).status).toBe(401)
  expect((await refresh(tokens.access_token!.slice(0, 200))).status).toBe(401)
  expect((await refresh(tokens.refresh_token!)).status).toBe(200)
})

test('a refresh token that nobody used for a week is refused', async () => {
  const { tokens } = await signIn()
  later(8 * 86_400_000)
  expect((await refresh(tokens.refresh_token!)).status).toBe(401)
  vi.restoreAllMocks()
})

test('logout ends the session of the token, or of the bearer, as often as one likes', async () => {
  const ada = await signIn()
  for (const body of [{ refreshToken: ada.tokens.refresh_token }, { refresh_token: ada.tokens.refresh_token }]) {
    expect((await anyone('POST', '/auth/logout', body)).status).toBe(204)
  }
  expect((await ada('GET', '/auth/me')).status).toBe(401)
  expect((await refresh(ada.tokens.refresh_token!)).status).toBe(401)
  const bob = await signIn()
  expect((await bob('GET', '/auth/me')).status).toBe(200)
  expect((await bob('POST', '/auth/logout')).status).toBe(204)
  expect((await bob('GET', '/auth/me')).status).toBe(401)
})

test('a session that ended elsewhere is believed for ten seconds, and no read or write passes after that', async () => {
  const ada = await signIn()
  await ada('GET', '/auth/me')
  await env.DB.prepare('UPDATE sessions SET revoked_at = 1 WHERE user_id = ?').bind(ada.user.id).run()
  expect((await ada('GET', '/auth/me')).status).toBe(200)
  const spent = await ada('POST', '/chat', { message: 'Hi', model: 'parley-offline' })
  expect(spent).toMatchObject({ status: 401 })
  later(11_000)
  const answers = [await ada('POST', '/conversations', { title: 'No' }), await ada('GET', '/conversations')]
  vi.restoreAllMocks()
  expect(answers.map(({ status }) => status)).toEqual([401, 401])
  expect(await one('SELECT 1 FROM conversations WHERE user_id = ?', ada.user.id)).toBe(null)
})

test('no token but our own, of this kind and of now, opens anything', async () => {
  const ada = await signIn()
  const [header, payload] = ada.tokens.access_token!.split('.') as [string, string]
  const { kid } = JSON.parse(atob(header))
  const { sid } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
  const secret = new TextEncoder().encode(env.JWT_SECRET)
  const token = (
    change: { typ?: string; kid?: string; iss?: string; aud?: string; age?: number; key?: Uint8Array } = {},
  ) => {
    const iat = Math.floor(Date.now() / 1000) - (change.age ?? 0)
    return new SignJWT({ sid })
      .setProtectedHeader({ alg: 'HS256', typ: change.typ ?? 'at+jwt', kid: change.kid ?? kid })
      .setIssuer(change.iss ?? 'parley')
      .setAudience(change.aud ?? 'parley-api')
      .setSubject(ada.user.id)
      .setIssuedAt(iat)
      .setExpirationTime(iat + 1800)
      .sign(change.key ?? secret)
  }
  const status = async (bad: string) => (await client(bad)('GET', '/auth/me')).status
  expect(await status(await token())).toBe(200)
  const none = `${btoa(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid }))}.${payload}.`.replaceAll('=', '')
  const bad = [
    none,
    'garbage',
    ada.tokens.refresh_token!,
    await token({ typ: 'JWT' }),
    await token({ kid: 'other' }),
    await token({ iss: 'evil' }),
    await token({ aud: 'evil' }),
    await token({ age: 1900 }),
    await token({ key: new TextEncoder().encode('x'.repeat(32)) }),
  ]
  for (const each of bad) expect(await status(each)).toBe(401)
})

test('only the Bearer scheme counts, in the header alone', async () => {
  const { tokens } = await signIn()
  const me = (authorization: string | undefined, query = '') =>
    anyone('GET', `/auth/me${query}`, undefined, { headers: authorization ? { authorization } : {} })
  const bare = await me(undefined)
  expect(bare.headers.get('www-authenticate')).toBe('Bearer realm="parley"')
  for (const scheme of ['Basic', 'JWT', 'Token'])
    expect((await me(`${scheme} ${tokens.access_token}`)).status).toBe(401)
  expect((await me(undefined, `?access_token=${tokens.access_token}`)).status).toBe(401)
  expect((await me('Bearer nonsense')).headers.get('www-authenticate')).toContain('error="invalid_token"')
})

test('contract 2: the OAuth form signs in, and its errors have their own form', async () => {
  const ada = await signIn()
  const form = (fields: Record<string, string>) =>
    anyone('POST', '/auth/token', undefined, {
      raw: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
  for (const username of [ada.user.email, ada.user.username]) {
    const { status, headers, body } = await form({ grant_type: 'password', username, password: PASSWORD })
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect((await client(body.access_token)('GET', '/auth/me')).status).toBe(200)
  }
  const wrong = await form({ grant_type: 'password', username: ada.user.email, password: 'not-the-password' })
  expect(wrong).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  expect(await form({ grant_type: 'magic' })).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } })
  expect(await form({ grant_type: 'password' })).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect((await anyone('POST', '/auth/token', { username: 'x' })).status).toBe(415)
})

test('who signs out with a refresh token needs no access token that still works', async () => {
  const ada = await signIn()
  const stale = client('expired-or-garbage')
  expect((await stale('POST', '/auth/logout', { refresh_token: ada.tokens.refresh_token })).status).toBe(204)
  expect((await refresh(ada.tokens.refresh_token!)).status).toBe(401)
})

test('a bearer signs out with an empty body of any type, and nobody is not signed out', async () => {
  const ada = await signIn()
  const json = { headers: { 'content-type': 'application/json' } }
  expect((await ada('POST', '/auth/logout', undefined, { ...json, raw: '' })).status).toBe(204)
  expect((await ada('GET', '/auth/me')).status).toBe(401)
  expect((await anyone('POST', '/auth/logout')).status).toBe(401)
  expect((await anyone('POST', '/auth/logout', {})).status).toBe(401)
})

test('a refresh whose answer was lost is given again, also when the secret was rotated in between', async () => {
  const { tokens } = await signIn()
  const next = (await refresh(tokens.refresh_token!)).body.refresh_token
  const rotated = { ...env, JWT_SECRET: `${crypto.randomUUID()}!`, JWT_SECRET_PREVIOUS: env.JWT_SECRET } as Env
  const execution = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext
  const again = new Request('https://parley.test/auth/refresh', {
    method: 'POST',
    body: JSON.stringify({ refresh_token: tokens.refresh_token }),
    headers: { 'content-type': 'application/json' },
  })
  const answer = await app.fetch(again, rotated, execution)
  expect(await answer.json()).toMatchObject({ refresh_token: next })
})

test('sign-ins that would only wait for each other are sent away', async () => {
  const ada = await signIn()
  const names = countTo(30).map(() => `${crypto.randomUUID()}@example.com`)
  const answers = await Promise.all(names.map((email) => login({ email, password: PASSWORD })))
  const refused = answers.filter(({ status }) => status === 503)
  expect(answers.filter(({ status }) => status === 401).length).toBeGreaterThan(0)
  expect(refused.length).toBeGreaterThan(0)
  expect(refused[0]).toMatchObject({ body: { code: 'overloaded' } })
  expect(refused[0]!.headers.get('retry-after')).toBe('1')
  expect((await login({ email: ada.user.email, password: PASSWORD })).status).toBe(200)
})

test("Swagger's Authorize sends an empty client, which is ignored; other forms are refused", async () => {
  const ada = await signIn()
  const fields = { grant_type: 'password', username: ada.user.email, password: PASSWORD }
  const send = (raw: string, type: string) =>
    anyone('POST', '/auth/token', undefined, { raw, headers: { authorization: 'Basic Og==', 'content-type': type } })
  const form = new URLSearchParams(fields).toString()
  expect((await send(form, 'application/x-www-form-urlencoded')).status).toBe(200)
  expect(await send(form, 'multipart/form-data; boundary=x')).toMatchObject({
    status: 415,
    body: { error: 'invalid_request' },
  })
  expect(await send('username=a%00b&password=x', 'application/x-www-form-urlencoded')).toMatchObject({ status: 422 })
  expect(await send(`username=${'a'.repeat(300_000)}`, 'application/x-www-form-urlencoded')).toMatchObject({
    status: 413,
  })
})
