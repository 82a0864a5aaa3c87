import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { unmetPrecondition } from '../../src/db/preconditions.ts'
import { createUser } from '../../src/features/users/service/accounts.ts'
import {
  type Client,
  client,
  countOf,
  countTo,
  freshAddress,
  one,
  PASSWORD,
  signIn,
  signInAdmin,
} from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const anyone = client()
const fresh = (prefix = 'u') => `${prefix}-${crypto.randomUUID().slice(0, 12)}`

/** All pages of a list. */
async function walk(caller: Client, path: string, limit = 2): Promise<{ id: string }[]> {
  const items: { id: string }[] = []
  for (let query = `limit=${limit}`; ; ) {
    const { body, headers } = await caller('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`)
    items.push(...body)
    const cursor = headers.get('x-next-cursor')
    if (!cursor) return items
    query = `limit=${limit}&cursor=${cursor}`
  }
}

const idsOf = (items: { id: string }[]) => items.map(({ id }) => id)

test('a user reads and changes their own account, by /users/me and by its id', async () => {
  const ada = await signIn()
  const paths = ['/users/me', `/users/${ada.user.id}`]
  for (const path of paths) expect((await ada('GET', path)).body).toEqual(ada.user)
  for (const path of paths) {
    const username = fresh()
    const { status, body } = await ada('PATCH', path, { username: username.toUpperCase(), display_name: ' Ada L. ' })
    expect([status, body]).toEqual([200, { ...ada.user, username, display_name: 'Ada L.' }])
  }
  expect(await countOf('audit_log WHERE target_id = ?', ada.user.id)).toBe(0)
})

test('PUT sets all names at once, and needs all of them', async () => {
  const ada = await signIn()
  const path = `/users/${ada.user.id}`
  const whole = { email: null, username: fresh(), display_name: 'Ada', current_password: PASSWORD }
  expect(await ada('PUT', path, whole)).toMatchObject({ status: 200, body: { email: null, display_name: 'Ada' } })
  expect((await ada('PUT', path, { username: fresh() })).status).toBe(422)
  expect((await ada('PUT', path, { email: null, username: null, display_name: 'Nobody' })).status).toBe(422)
})

test('an account keeps an email or a username', async () => {
  const ada = await signIn()
  expect((await ada('PATCH', '/users/me', { username: null })).body.username).toBe(null)
  const refused = await ada('PATCH', '/users/me', { email: null, current_password: PASSWORD })
  expect(refused).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect((await ada('GET', '/users/me')).body.email).toBe(ada.user.email)
})

test('a name that somebody else has is refused, and changes nothing', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const taken = await ada('PATCH', '/users/me', { username: bob.user.username.toUpperCase(), display_name: 'Bob' })
  expect(taken).toMatchObject({ status: 409, body: { code: 'conflict', detail: 'This username is taken' } })
  const email = await ada('PATCH', '/users/me', { email: bob.user.email, current_password: PASSWORD })
  expect(email).toMatchObject({ status: 409, body: { detail: 'This email address is taken' } })
  expect((await ada('GET', '/users/me')).body).toEqual(ada.user)
})

test('role, plan, state, ids, hashes and dates are nobody’s to write outside of /admin, and nothing else is then written', async () => {
  const ada = await signIn()
  const admin = await signInAdmin()
  const forbidden = {
    role: 'admin',
    plan: 'team',
    is_active: false,
    id: crypto.randomUUID(),
    hashed_password: 'x',
    password_hash: 'x',
    email_verified: true,
    created_at: '2020-01-01T00:00:00.000Z',
    failed_sign_ins: 0,
  }
  const row = () => one('SELECT * FROM users WHERE id = ?', ada.user.id)
  const before = await row()
  const writes: [Client, string, string, object][] = [
    [ada, 'PATCH', '/users/me', { display_name: 'Mallory' }],
    [ada, 'PATCH', `/users/${ada.user.id}`, { display_name: 'Mallory' }],
    [ada, 'PUT', `/users/${ada.user.id}`, { email: null, username: fresh(), display_name: 'Mallory' }],
    [anyone, 'POST', '/auth/register', { username: fresh('mallory'), password: PASSWORD }],
    [admin, 'POST', '/users', { username: fresh('mallory'), password: PASSWORD }],
    [admin, 'PATCH', `/users/${ada.user.id}`, { display_name: 'Mallory' }],
  ]
  for (const [caller, method, path, body] of writes) {
    for (const [name, value] of Object.entries(forbidden)) {
      const { status, body: problem } = await caller(method, path, { ...body, [name]: value })
      expect([method, path, name, status]).toEqual([method, path, name, 422])
      expect(problem.errors).toMatchObject([{ pointer: `/${name}` }])
    }
  }
  for (const name of ['id', 'hashed_password', 'created_at', 'email_verified', 'display_name']) {
    const { status } = await admin('PATCH', `/admin/users/${ada.user.id}`, { plan: 'pro', [name]: 'x' })
    expect([name, status]).toEqual([name, 422])
  }
  expect(await row()).toEqual(before)
  expect(await countOf("users WHERE username GLOB 'mallory*'")).toBe(0)
})

test('somebody else’s account is not there, to read, to change or to delete', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const path = `/users/${bob.user.id}`
  const answers = [
    await ada('GET', path),
    await ada('PATCH', path, { display_name: 'Mine' }),
    await ada('PUT', path, { email: null, username: fresh(), display_name: 'Mine' }),
    await ada('DELETE', path),
  ]
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404])
  expect((await bob('GET', '/users/me')).body).toEqual(bob.user)
})

test('an admin reads, makes and changes accounts, and every write is recorded with the names of the fields', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  expect((await admin('GET', `/users/${bob.user.id}`)).body).toEqual(bob.user)
  const changed = await admin('PATCH', `/users/${bob.user.id}`, {
    display_name: 'Robert',
    email: `${fresh()}@example.com`,
  })
  expect(changed).toMatchObject({ status: 200, body: { display_name: 'Robert', email_verified: false } })
  const made = await admin('POST', '/users', { username: fresh(), password: PASSWORD, display_name: 'New' })
  expect(made).toMatchObject({ status: 201, body: { display_name: 'New', role: 'user', plan: 'free' } })
  expect(made.headers.get('location')).toBe(`/api/v1/users/${made.body.id}`)
  const { body: log } = await admin('GET', `/admin/audit?actor_id=${admin.user.id}`)
  expect(log).toMatchObject([
    { action: 'user.created', target_id: made.body.id, fields: [], outcome: 'done' },
    { action: 'user.updated', target_id: bob.user.id, fields: ['email', 'display_name'], outcome: 'done' },
  ])
  // What somebody is called now is looked up, not recorded.
  expect(log[1].target_name).toBe('Robert')
  expect(JSON.stringify(await one('SELECT * FROM audit_log WHERE target_id = ?', bob.user.id))).not.toContain('Robert')
  expect((await anyone('POST', '/auth/login', { username: made.body.username, password: PASSWORD })).status).toBe(200)
})

test('an account is made once per Idempotency-Key', async () => {
  const admin = await signInAdmin()
  const body = { username: fresh(), password: PASSWORD }
  const headers = { 'idempotency-key': crypto.randomUUID() }
  const [first, again] = [
    await admin('POST', '/users', body, { headers }),
    await admin('POST', '/users', body, { headers }),
  ]
  expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true'])
  expect(again.body).toEqual(first.body)
  const other = await admin('POST', '/users', { ...body, username: fresh() }, { headers })
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  expect(await admin('POST', '/users', body)).toMatchObject({ status: 409, body: { code: 'conflict' } })
})

test('who is no admin costs no hash: the account that is not made is refused before', async () => {
  const ada = await signIn()
  const { status, headers } = await ada('POST', '/users', { username: fresh(), password: PASSWORD })
  expect(status).toBe(403)
  expect(headers.get('server-timing')).toContain('trips=1')
  expect(headers.get('www-authenticate')).toContain('error="insufficient_scope"')
})

test('all users are listed in pages, newest first, each once', async () => {
  const admin = await signInAdmin()
  const made = [await signIn(), await signIn(), await signIn()].map(({ user }) => user.id).reverse()
  const all = idsOf(await walk(admin, '/users'))
  expect(all.slice(0, 3)).toEqual(made)
  expect(new Set(all).size).toBe(all.length)
  expect(all.length).toBe(await countOf('users WHERE deleted_at IS NULL'))
  expect(idsOf(await walk(admin, '/admin/users', 100))).toEqual(all)
})

test('a search finds a part of email, username or display name, whatever its case, and is literal', async () => {
  const admin = await signInAdmin()
  const mark = crypto.randomUUID().slice(0, 8)
  const make = async (body: object) =>
    (await admin('POST', '/users', { password: PASSWORD, ...body })).body.id as string
  const byEmail = await make({ email: `x.${mark}@example.com`, display_name: 'One' })
  const byUsername = await make({ username: `x-${mark}`, display_name: 'Two' })
  const byDisplayName = await make({ username: fresh(), display_name: `Zoë "${mark}" O'Hara AND NOT` })
  const find = async (search: string) => idsOf((await admin('GET', `/users?search=${encodeURIComponent(search)}`)).body)
  expect(await find(mark.toUpperCase())).toEqual([byDisplayName, byUsername, byEmail])
  expect(await find(`zoe "${mark}"`)).toEqual([byDisplayName])
  expect(await find(`"${mark}" o'hara AND not`)).toEqual([byDisplayName])
  expect(await find(`x.${mark}@`)).toEqual([byEmail])
  for (const hostile of [
    '" OR names:"',
    'names:*',
    `${mark}*`,
    "'; DROP TABLE users; --",
    '%%%',
    '___',
    '^^^',
    'NEAR(a b)',
  ]) {
    expect(await find(hostile)).toEqual([])
  }
  for (const bad of ['ab', 'abc%00', '%00%00%00', 'abc%0Adef'])
    expect([bad, (await admin('GET', `/users?search=${bad}`)).status]).toEqual([bad, 422])
  await admin('PATCH', `/users/${byDisplayName}`, { display_name: 'Renamed' })
  expect(await find(mark)).toEqual([byUsername, byEmail])
})

test('filters for role, plan and state work alone, together, and with a search, in pages', async () => {
  const admin = await signInAdmin()
  const mark = crypto.randomUUID().slice(0, 8)
  const make = async (n: number, change?: object) => {
    const { id } = (await admin('POST', '/users', { username: `${mark}-${n}`, password: PASSWORD })).body
    if (change) await admin('PATCH', `/admin/users/${id}`, change)
    return id as string
  }
  const plain = await make(1)
  const disabled = await make(2, { is_active: false })
  const paying = await make(3, { plan: 'pro' })
  const both = await make(4, { plan: 'pro', is_active: false })
  const boss = await make(5, { role: 'admin' })
  const find = async (query: string) => idsOf(await walk(admin, `/users?search=${mark}&${query}`, 1))
  expect(await find('')).toEqual([boss, both, paying, disabled, plain])
  expect(await find('state=disabled')).toEqual([both, disabled])
  expect(await find('state=active&plan=pro')).toEqual([paying])
  expect(await find('plan=pro&state=disabled&role=user')).toEqual([both])
  expect(await find('role=admin')).toEqual([boss])
  expect(await find('plan=pr')).toEqual([])
  expect(idsOf((await admin('GET', '/users?plan=pro&state=disabled&limit=100')).body)).toContain(both)
  expect((await admin('GET', '/users?role=owner')).status).toBe(422)
  const { headers } = await admin('GET', `/users?search=${mark}&limit=1`)
  const foreign = await admin('GET', `/users?plan=pro&cursor=${headers.get('x-next-cursor')}`)
  expect(foreign).toMatchObject({ status: 422, body: { errors: [{ pointer: 'query:cursor' }] } })
})

test('two admins who change an email at once do not overwrite each other unseen', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  const emails = [`${fresh()}@example.com`, `${fresh()}@example.com`]
  const answers = await Promise.all(emails.map((email) => admin('PATCH', `/users/${bob.user.id}`, { email })))
  const { email } = (await admin('GET', `/users/${bob.user.id}`)).body
  const won = answers.filter(({ status }) => status === 200)
  expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
  expect(won.map(({ body }) => body.email)).toContain(email)
  expect(await countOf("audit_log WHERE action = 'user.updated' AND target_id = ?", bob.user.id)).toBe(won.length)
})

test('a repeated query parameter is refused', async () => {
  const admin = await signInAdmin()
  expect((await admin('GET', '/users?role=user&role=admin')).status).toBe(422)
})

test('a user that is gone from the database is signed out', async () => {
  const ada = await signIn()
  await env.DB.prepare('UPDATE users SET disabled_at = 1 WHERE id = ?').bind(ada.user.id).run()
  expect((await ada('GET', '/users/me')).status).toBe(401)
})

test('whoever is demoted while the hash is made makes nobody', async () => {
  const admin = await signInAdmin()
  const { ctx } = ctxOf(admin)
  const username = fresh()
  const making = createUser(ctx, { username, password: PASSWORD }, undefined)
  await env.DB.prepare("UPDATE users SET role = 'user' WHERE id = ?").bind(admin.user.id).run()
  expect(unmetPrecondition(await making.catch((error) => error))).toBe('is_admin')
  expect(await countOf('users WHERE username = ?', username)).toBe(0)
  expect(await countOf('audit_log WHERE actor_id = ?', admin.user.id)).toBe(0)
})

test('a taken address costs no attempt to sign in, and asking for many is limited like mail', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const headers = { 'cf-connecting-ip': freshAddress() }
  const change = (email: string) => ada('PATCH', '/users/me', { email, current_password: PASSWORD }, { headers })
  for (const _ of countTo(5)) expect((await change(bob.user.email)).status).toBe(409)
  expect((await change(bob.user.email)).status).toBe(429)
  expect(await one('SELECT failed_sign_ins FROM users WHERE id = ?', ada.user.id)).toEqual({ failed_sign_ins: 0 })
  const others = await Promise.all(countTo(15).map(() => change(`${fresh()}@example.com`)))
  expect(others.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
  expect((await change(`${fresh()}@example.com`)).status).toBe(429)
})

test('a change that changes nothing is not recorded', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  const { email, username, display_name } = (await admin('GET', `/users/${bob.user.id}`)).body
  await admin('PUT', `/users/${bob.user.id}`, { email, username, display_name })
  expect(await countOf('audit_log WHERE target_id = ?', bob.user.id)).toBe(0)
  await admin('PUT', `/users/${bob.user.id}`, { email, username, display_name: 'Robert' })
  expect(await one('SELECT fields FROM audit_log WHERE target_id = ?', bob.user.id)).toEqual({
    fields: '["display_name"]',
  })
})
