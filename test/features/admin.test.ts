import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { client, countOf, countTo, one, PASSWORD, signIn, signInAdmin } from '../support/client.ts'

const anyone = client()
const login = (email: string) => anyone('POST', '/auth/login', { email, password: PASSWORD })
/** Believed for 10 s in the isolate: what happens elsewhere is seen then. */
const later = (ms: number) => vi.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)

afterEach(() => vi.restoreAllMocks())

/** Everybody else is no admin for the length of a test about the last one. */
const onlyAdmins = (...ids: string[]) =>
  env.DB.prepare("UPDATE users SET role = 'user' WHERE role = 'admin' AND id NOT IN (SELECT value FROM json_each(?))")
    .bind(JSON.stringify(ids))
    .run()

test('an admin changes role, plan and state, each recorded once and only when it changes', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  const path = `/admin/users/${bob.user.id}`
  const promoted = await admin('PATCH', path, { role: 'admin', plan: 'pro' })
  expect(promoted).toMatchObject({
    status: 200,
    body: { id: bob.user.id, role: 'admin', plan: 'pro', is_active: true },
  })
  expect((await admin('PATCH', path, { role: 'admin', plan: 'pro', is_active: true })).status).toBe(200)
  expect((await admin('PATCH', `${path}/role`, { role: 'user' })).body.role).toBe('user')
  expect((await admin('PATCH', path, { is_active: false })).body.is_active).toBe(false)
  expect((await admin('PATCH', path, { is_active: true })).body.is_active).toBe(true)
  const { body: log } = await admin('GET', `/admin/audit?target_id=${bob.user.id}`)
  expect(log.map(({ action, fields }: { action: string; fields: string[] }) => [action, ...fields])).toEqual([
    ['user.enabled', 'is_active'],
    ['user.disabled', 'is_active'],
    ['user.role_changed', 'role'],
    ['user.plan_changed', 'plan'],
    ['user.role_changed', 'role'],
  ])
  expect(log[0]).toMatchObject({ actor_id: admin.user.id, target_type: 'user', outcome: 'done' })
  expect(log[0].request_id).toBeTruthy()
})

test('nonsense, nothing, and who is not there change nothing', async () => {
  const admin = await signInAdmin()
  const path = `/admin/users/${admin.user.id}`
  for (const body of [{}, { role: 'owner' }, { plan: '' }, { is_active: 'no' }, { role: null }]) {
    expect([body, (await admin('PATCH', path, body)).status]).toEqual([body, 422])
  }
  for (const id of [crypto.randomUUID(), 'no-uuid']) {
    expect((await admin('PATCH', `/admin/users/${id}`, { plan: 'pro' })).status).toBe(404)
    expect((await admin('PATCH', `/admin/users/${id}/role`, { role: 'admin' })).status).toBe(404)
    expect((await admin('DELETE', `/admin/users/${id}`)).status).toBe(404)
    expect((await admin('GET', `/admin/users/${id}/chats`)).status).toBe(404)
    expect((await admin('GET', `/admin/chats/${id}/messages`)).status).toBe(404)
  }
  expect(await countOf('audit_log WHERE actor_id = ?', admin.user.id)).toBe(0)
})

test('the last admin can be neither demoted, disabled nor deleted, and the try is recorded', async () => {
  const admin = await signInAdmin()
  const { id } = admin.user
  await onlyAdmins(id)
  const answers = [
    await admin('PATCH', `/admin/users/${id}`, { role: 'user' }),
    await admin('PATCH', `/admin/users/${id}/role`, { role: 'user' }),
    await admin('PATCH', `/admin/users/${id}`, { is_active: false, plan: 'pro' }),
    await admin('DELETE', `/admin/users/${id}`),
    await admin('DELETE', `/users/${id}`),
    await admin('DELETE', '/users/me'),
  ]
  for (const answer of answers) expect(answer).toMatchObject({ status: 409, body: { code: 'last_admin' } })
  expect((await admin('GET', '/users/me')).body).toMatchObject({ role: 'admin', plan: 'free' })
  const { body: log } = await admin('GET', `/admin/audit?target_id=${id}`)
  expect(log.map(({ action, outcome }: { action: string; outcome: string }) => `${action} ${outcome}`)).toEqual([
    'user.deleted refused',
    'user.deleted refused',
    'user.deleted refused',
    'user.disabled refused',
    'user.role_changed refused',
    'user.role_changed refused',
  ])
  expect((await admin('PATCH', `/admin/users/${id}`, { plan: 'pro', is_active: true, role: 'admin' })).status).toBe(200)
})

test('a disabled admin does not count as one who is left', async () => {
  const [ada, bob] = [await signInAdmin(), await signInAdmin()]
  await onlyAdmins(ada.user.id, bob.user.id)
  expect((await ada('PATCH', `/admin/users/${bob.user.id}`, { is_active: false })).status).toBe(200)
  expect((await ada('PATCH', `/admin/users/${ada.user.id}`, { role: 'user' })).status).toBe(409)
})

test.each([
  ['demote', 'PATCH', { role: 'user' }],
  ['disable', 'PATCH', { is_active: false }],
  ['delete', 'DELETE', undefined],
])('of two admins who %s each other at once one is left', async (_, method, body) => {
  for (const _round of countTo(5)) {
    const [ada, bob] = [await signInAdmin(), await signInAdmin()]
    await onlyAdmins(ada.user.id, bob.user.id)
    const answers = await Promise.all([
      ada(method, `/admin/users/${bob.user.id}`, body),
      bob(method, `/admin/users/${ada.user.id}`, body),
    ])
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses[0]).toBe(200)
    // Whoever came second is no admin any more, or signed out, and otherwise the last one would have gone.
    expect([401, 403, 409]).toContain(statuses[1])
    expect(await countOf("users WHERE role = 'admin' AND disabled_at IS NULL")).toBe(1)
  }
})

test('a demoted admin loses access with the next request', async () => {
  const [ada, bob] = [await signInAdmin(), await signInAdmin()]
  expect((await bob('GET', '/admin/metrics')).status).toBe(200)
  await ada('PATCH', `/admin/users/${bob.user.id}/role`, { role: 'user' })
  expect(await bob('GET', '/admin/metrics')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect((await bob('PATCH', `/users/${ada.user.id}`, { display_name: 'Mine' })).status).toBe(404)
  expect((await bob('GET', '/users/me')).body.role).toBe('user')
})

test('a disabled user is signed out everywhere, at once here and in ten seconds elsewhere', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  const elsewhere = client((await login(bob.user.email)).body.access_token)
  for (const session of [bob, elsewhere]) expect((await session('GET', '/users/me')).status).toBe(200)
  await admin('PATCH', `/admin/users/${bob.user.id}`, { is_active: false })
  for (const session of [bob, elsewhere]) expect((await session('GET', '/users/me')).status).toBe(401)
  expect((await anyone('POST', '/auth/refresh', { refresh_token: bob.tokens.refresh_token })).status).toBe(401)
  expect((await login(bob.user.email)).status).toBe(401)
  await admin('PATCH', `/admin/users/${bob.user.id}`, { is_active: true })
  expect((await bob('GET', '/users/me')).status).toBe(401)
  expect((await login(bob.user.email)).status).toBe(200)
})

test('who was disabled by another isolate has ten seconds at the most, and an admin none', async () => {
  const [ada, bob] = [await signIn(), await signInAdmin()]
  for (const user of [ada, bob]) await user('GET', '/users/me')
  await env.DB.prepare('UPDATE users SET disabled_at = 1 WHERE id IN (?, ?)').bind(ada.user.id, bob.user.id).run()
  expect((await bob('GET', '/admin/metrics')).status).toBe(401)
  later(11_000)
  expect((await ada('GET', '/users/me')).status).toBe(401)
})

test('an admin reads somebody’s conversations, and each reading is recorded', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  const { body: chat } = await bob('POST', '/chat', { message: 'Between us', model: 'parley-offline' })
  await bob('POST', '/conversations', { title: 'Another' })
  const { body: list, headers } = await admin('GET', `/admin/users/${bob.user.id}/chats?limit=1`)
  expect(list).toEqual((await bob('GET', '/conversations?limit=1')).body)
  const rest = await admin('GET', `/admin/users/${bob.user.id}/chats?cursor=${headers.get('x-next-cursor')}`)
  expect(rest.body).toMatchObject([{ id: chat.chat_id }])
  const messages = await admin('GET', `/admin/chats/${chat.chat_id}/messages?limit=1`)
  expect(messages.body).toMatchObject([{ role: 'assistant', id: chat.message_id }])
  const cursor = messages.headers.get('x-next-cursor')
  const older = await admin('GET', `/admin/chats/${chat.chat_id}/messages?cursor=${cursor}`)
  expect(older.body).toMatchObject([{ role: 'user', content: 'Between us' }])
  const { body: log } = await admin('GET', `/admin/audit?actor_id=${admin.user.id}`)
  expect(log.map(({ action, target_id }: { action: string; target_id: string }) => [action, target_id])).toEqual([
    ['conversation.read', chat.chat_id],
    ['conversation.read', chat.chat_id],
    ['user.conversations_listed', bob.user.id],
    ['user.conversations_listed', bob.user.id],
  ])
  expect(JSON.stringify(log)).not.toContain('Between us')
})

const nameOf = async (user: Awaited<ReturnType<typeof signIn>>) => (await user('GET', '/users/me')).body.display_name

test('the audit log is read by actor, target or action, one at a time, and nothing changes it', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  for (const plan of ['pro', 'free', 'pro']) await admin('PATCH', `/admin/users/${bob.user.id}`, { plan })
  const first = await admin('GET', `/admin/audit?target_id=${bob.user.id}&limit=2`)
  expect(first.body).toHaveLength(2)
  const [actor_name, target_name] = [await nameOf(admin), await nameOf(bob)]
  expect(first.body[0]).toMatchObject({ actor_name, target_name })
  const cursor = first.headers.get('x-next-cursor')
  expect((await admin('GET', `/admin/audit?target_id=${bob.user.id}&cursor=${cursor}`)).body).toHaveLength(1)
  expect((await admin('GET', `/admin/audit?actor_id=${admin.user.id}&cursor=${cursor}`)).status).toBe(422)
  const byAction = await admin('GET', '/admin/audit?action=user.plan_changed&limit=3')
  expect(byAction.body.every(({ action }: { action: string }) => action === 'user.plan_changed')).toBe(true)
  const both = await admin('GET', `/admin/audit?action=user.deleted&actor_id=${admin.user.id}`)
  expect(both).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: 'query:actor_id' }, { pointer: 'query:action' }] },
  })
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    expect((await admin(method, '/admin/audit')).status).toBe(405)
  }
})

test('the metrics count what there is and what each day brought', async () => {
  const admin = await signInAdmin()
  const { body: before } = await admin('GET', '/admin/metrics')
  const bob = await signIn()
  const { body: chat } = await bob('POST', '/chat', { message: 'Count me', model: 'parley-offline' })
  await bob('POST', '/conversations', {})
  await bob('POST', '/projects', { name: 'Counted' })
  const { body: after } = await admin('GET', '/admin/metrics?days=3')
  expect(after).toMatchObject({
    total_users: before.total_users + 1,
    total_conversations: before.total_conversations + 2,
    total_messages: before.total_messages + 2,
    total_projects: before.total_projects + 1,
    active_users_24h: before.active_users_24h + 1,
    storage_bytes: 0,
  })
  expect(after.days).toHaveLength(3)
  expect(before.days).toHaveLength(30)
  const [today, todayBefore] = [after.days.at(-1), before.days.at(-1)]
  const { tokens } = (await one<{ tokens: number }>(
    'SELECT charged_tokens AS tokens FROM usage_ledger WHERE conversation_id = ?',
    chat.chat_id,
  ))!
  expect(today).toMatchObject({
    day: new Date().toISOString().slice(0, 10),
    users: after.total_users,
    new_users: todayBefore.new_users + 1,
    active_users: todayBefore.active_users + 1,
    messages: todayBefore.messages + 2,
    tokens: todayBefore.tokens + tokens,
    runs: { ...todayBefore.runs, completed: todayBefore.runs.completed + 1 },
  })
  expect(after.days[1].users).toBe(0)
  await bob('DELETE', `/conversations/${chat.chat_id}`)
  await bob('DELETE', '/users/me')
  const { body: end } = await admin('GET', '/admin/metrics?days=1')
  expect(end).toMatchObject({
    total_users: before.total_users,
    total_projects: before.total_projects,
    total_conversations: before.total_conversations,
    total_messages: before.total_messages,
    active_users_24h: before.active_users_24h,
    days: [{ users: before.total_users, new_users: today.new_users, messages: today.messages, tokens: today.tokens }],
  })
  expect((await admin('GET', '/admin/metrics?days=0')).status).toBe(422)
  expect((await admin('GET', '/admin/metrics?days=367')).status).toBe(422)
})

test('how long replies took is told in percentiles, without what nobody waited for', async () => {
  const admin = await signInAdmin()
  const day = Math.floor(Date.now() / 86_400_000) - 40
  const run = (kind: string, status: string, ms: number) =>
    env.DB.prepare(
      `INSERT INTO usage_ledger (id, run_id, user_id, kind, model, admitted_at, period_start, messages, calls, input_tokens,
        cached_tokens, output_tokens, reasoning_tokens, charged_tokens, unbilled_tokens, cost_microusd, estimated, status, created_at)
      VALUES (?1, ?1, 'nobody', ?2, 'm', ?3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?4, ?5)`,
    ).bind(crypto.randomUUID(), kind, day * 86_400_000, status, day * 86_400_000 + ms)
  // 0.1 s, 0.2 s … 10 s; and some that must not count.
  await env.DB.batch(countTo(100).map((n) => run(n % 2 ? 'reply' : 'gateway', 'completed', n * 100)))
  await env.DB.batch([run('title', 'completed', 1), run('reply', 'failed', 90_000)])
  const { body } = await admin('GET', '/admin/metrics?days=42')
  const { p50, p95 } = body.days[1].duration_ms
  expect(body.days[0].duration_ms).toBeNull()
  expect(Math.abs(p50 - 5_000) / 5_000).toBeLessThan(0.12)
  expect(Math.abs(p95 - 9_500) / 9_500).toBeLessThan(0.12)
})

test('what the counters say is what is there', async () => {
  const admin = await signInAdmin()
  await admin('POST', '/chat', { message: 'Hi', model: 'parley-offline' })
  await admin('PUT', '/upload?filename=a', undefined, { raw: 'Hi' })
  const { body } = await admin('GET', '/admin/metrics')
  expect(body).toMatchObject({
    total_users: await countOf('users WHERE deleted_at IS NULL'),
    total_projects: await countOf('projects'),
    total_conversations: await countOf('conversations'),
    total_messages: await countOf('messages'),
  })
  const days = (name: string) => body.days.reduce((sum: number, day: Record<string, number>) => sum + day[name]!, 0)
  const { tokens } = (await one<{ tokens: number }>('SELECT sum(charged_tokens) AS tokens FROM usage_ledger'))!
  expect(days('tokens')).toBe(tokens)
  const { body: status } = await admin('GET', '/db-status')
  expect(status).toEqual({
    status: 'connected',
    up_to_date: true,
    migration: env.TEST_MIGRATIONS.at(-1)!.name,
    records: {
      users: body.total_users,
      projects: body.total_projects,
      conversations: body.total_conversations,
      messages: body.total_messages,
      runs: await countOf('usage_ledger'),
      files: await countOf("files WHERE state <> 'deleted'"),
      chatbots: await countOf('chatbots WHERE deleted_at IS NULL'),
    },
  })
})

test('an account that takes no password any more is opened by an admin, which is recorded', async () => {
  const [admin, bob] = [await signInAdmin(), await signIn()]
  await env.DB.prepare('UPDATE users SET failed_sign_ins = 101 WHERE id = ?').bind(bob.user.id).run()
  expect((await login(bob.user.email)).status).toBe(401)
  await admin('PATCH', `/admin/users/${bob.user.id}`, { is_active: true })
  expect((await login(bob.user.email)).status).toBe(200)
  expect(await countOf("audit_log WHERE action = 'user.enabled' AND target_id = ?", bob.user.id)).toBe(1)
})
