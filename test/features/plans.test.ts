import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { app } from '../../src/app.ts'
import { readQuota } from '../../src/features/plans/service/quota.ts'
import { client, countTo, one, type SignedIn, signIn, signInAdmin, startConversation } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'
import { setPlan } from '../support/plans.ts'
import { reply, script } from '../support/upstream.ts'

const anyone = client()
const DAY_MS = 86_400_000
const today = () => new Date().toISOString().slice(0, 10)

/** The API with UPGRADE_POLICY=open, as in development. */
async function upgradeOpenly({ tokens }: SignedIn, plan: unknown) {
  const execution = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext
  const request = new Request('https://parley.test/user/upgrade', {
    method: 'POST',
    body: JSON.stringify({ plan }),
    headers: { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json' },
  })
  const response = await app.fetch(request, { ...env, UPGRADE_POLICY: 'open' } as Env, execution)
  // biome-ignore lint/suspicious/noExplicitAny: a user or a problem
  return { status: response.status, body: await response.json<any>() }
}

/** Rows of the ledger as runs of other days would have left them. */
async function addUsage(user: SignedIn, rows: { daysAgo: number; model: string; tokens: number }[]) {
  for (const { daysAgo, model, tokens } of rows) {
    const at = Date.now() - daysAgo * DAY_MS
    await env.DB.prepare(
      `INSERT INTO usage_ledger (id, run_id, user_id, kind, model, admitted_at, period_start, messages, calls, input_tokens,
         cached_tokens, output_tokens, reasoning_tokens, charged_tokens, cost_microusd, estimated, status, created_at)
       VALUES (?1, ?1, ?2, 'reply', ?3, ?4, 0, 1, 1, ?5, 0, 0, 0, ?5, 7, 0, 'completed', ?4)`,
    )
      .bind(crypto.randomUUID(), user.user.id, model, at, tokens)
      .run()
  }
}

test('the plans are there for everybody to see, the smallest first, with their models', async () => {
  const { status, body } = await anyone('GET', '/plans')
  expect(status).toBe(200)
  expect(body).toMatchObject([
    { id: 'free', messages_per_month: 200, tokens_per_month: 200_000, requests_per_minute: 20, runs_at_once: 2 },
    { id: 'pro', messages_per_month: 5_000, tokens_per_month: 10_000_000, requests_per_minute: 120, runs_at_once: 10 },
    {
      id: 'team',
      messages_per_month: 50_000,
      tokens_per_month: 100_000_000,
      requests_per_minute: 600,
      runs_at_once: 50,
    },
  ])
  expect(body.map(({ models }: { models: string[] }) => models)).toEqual([
    ['gpt-4o-mini', 'parley-offline'],
    ['gpt-4o-mini', 'gpt-4.1', 'parley-offline'],
    ['gpt-4o-mini', 'gpt-4.1', 'o3', 'parley-offline'],
  ])
})

test('an admin sets the plan of an account; its owner is refused, and both are recorded', async () => {
  const [ada, admin] = [await signIn(), await signInAdmin()]
  expect(await ada('POST', '/user/upgrade', { plan: 'team' })).toMatchObject({
    status: 403,
    body: { code: 'forbidden' },
  })
  expect((await ada('GET', '/users/me')).body.plan).toBe('free')
  expect((await admin('PATCH', `/admin/users/${ada.user.id}`, { plan: 'pro' })).body.plan).toBe('pro')
  const { body: log } = await admin('GET', `/admin/audit?target_id=${ada.user.id}`)
  expect(log).toMatchObject([
    { action: 'user.plan_changed', actor_id: admin.user.id, outcome: 'done' },
    { action: 'user.plan_changed', actor_id: ada.user.id, outcome: 'refused' },
  ])
})

test('where the policy is open a user changes the plan at once, and what was used stays used', async () => {
  const ada = await signIn()
  await ada('POST', '/chat', { message: 'Hello', model: 'parley-offline' })
  const before = (await ada('GET', '/user/usage')).body
  expect(await upgradeOpenly(ada, 'pro')).toMatchObject({ status: 200, body: { id: ada.user.id, plan: 'pro' } })
  const after = (await ada('GET', '/user/usage')).body
  expect(after).toMatchObject({ plan: 'pro', messages: { limit: 5_000, used: 1, held: 0 } })
  expect(after.tokens.used).toBe(before.tokens.used)
})

test('a plan that there is not is refused everywhere, and changes nothing', async () => {
  const [ada, admin] = [await signIn(), await signInAdmin()]
  for (const plan of ['gold', 'Free', '', ' free', '-1', '9'.repeat(99), -1, 1e308, null]) {
    const answers = [
      await upgradeOpenly(ada, plan),
      await admin('PATCH', `/admin/users/${ada.user.id}`, { plan, is_active: true }),
    ]
    for (const { status, body } of answers) {
      expect([plan, status]).toEqual([plan, 422])
      expect(body.errors).toMatchObject([{ pointer: '/plan' }])
    }
  }
  expect((await ada('GET', '/users/me')).body.plan).toBe('free')
})

test('a plan smaller than what is used is accepted, and refuses what comes next', async () => {
  const ada = await signIn()
  await setPlan(ada, 'team')
  await ada('POST', '/chat', { message: 'Hello', model: 'parley-offline' })
  await env.DB.prepare('UPDATE quota_periods SET tokens_used = 500000 WHERE subject = ?')
    .bind(`user:${ada.user.id}`)
    .run()
  expect((await upgradeOpenly(ada, 'free')).status).toBe(200)
  const refused = await ada('POST', '/chat', { message: 'Hello', model: 'parley-offline' })
  expect(refused).toMatchObject({ status: 402, body: { code: 'plan_limit_reached', limit: 200_000, used: 500_000 } })
  expect(refused.headers.get('x-quota-remaining-tokens')).toBe('0')
})

test('numbers that make no sense are refused, and change no balance', async () => {
  const ada = await signIn()
  const id = await startConversation(ada)
  for (const max_output_tokens of [-1, 0, 15, 1e9, 1.5, '100', Number.MAX_SAFE_INTEGER]) {
    const { status } = await ada('POST', `/conversations/${id}/messages`, { content: 'Hi', max_output_tokens })
    expect([max_output_tokens, status]).toEqual([max_output_tokens, 422])
  }
  const { messages, tokens } = (await ada('GET', '/user/usage')).body
  expect([messages, tokens]).toEqual([
    { limit: 200, used: 0, held: 0 },
    { limit: 200_000, used: 0, held: 0 },
  ])
})

test('usage is told by day, model, conversation and key, each adding up to the same', async () => {
  const ada = await signIn()
  const conversations = [await startConversation(ada), await startConversation(ada)]
  for (const conversation of [...conversations, conversations[0]!]) {
    const { prompt } = await script(reply(5))
    await ada('POST', `/conversations/${conversation}/messages`, { content: prompt })
  }
  await ada('POST', '/chat', { message: 'Hi', model: 'parley-offline' })
  await ada('PATCH', `/conversations/${conversations[0]}`, { title: 'Thesis' })
  const by = async (group: string) => (await ada('GET', `/user/usage?group_by=${group}`)).body
  const [days, models, chats, keys] = await Promise.all(['day', 'model', 'conversation', 'key'].map(by))
  expect(days.items).toMatchObject([{ day: today(), messages: 4, runs: 4 }])
  expect(models.items.map(({ model }: { model: string }) => model).sort()).toEqual(['gpt-4o-mini', 'parley-offline'])
  expect(chats.items).toHaveLength(3)
  const first = { conversation_id: conversations[0], charged_tokens: 30, messages: 2, name: 'Thesis' }
  expect(chats.items).toContainEqual(expect.objectContaining(first))
  expect(keys.items).toMatchObject([{ key_id: null, messages: 4 }])
  for (const report of [days, models, chats, keys]) {
    const sum = report.items.reduce((total: number, item: { charged_tokens: number }) => total + item.charged_tokens, 0)
    expect([sum, report.total.charged_tokens]).toEqual([days.tokens.used, days.tokens.used])
  }
})

test('usage is asked for from day to day, at most a year of it', async () => {
  const ada = await signIn()
  await addUsage(ada, [
    { daysAgo: 40, model: 'a', tokens: 1 },
    { daysAgo: 35, model: 'b', tokens: 10 },
    { daysAgo: 35, model: 'a', tokens: 100 },
    { daysAgo: 0, model: 'a', tokens: 1_000 },
  ])
  const day = (ago: number) => new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10)
  const usage = async (query: string) => (await ada('GET', `/user/usage?${query}`)).body
  expect(await usage(`from=${day(40)}&to=${day(35)}`)).toMatchObject({
    total: { charged_tokens: 111, runs: 3, cost_microusd: 21 },
    items: [
      { day: day(40), charged_tokens: 1 },
      { day: day(35), charged_tokens: 110 },
    ],
  })
  expect(await usage(`from=${day(40)}&group_by=model`)).toMatchObject({
    items: [
      { model: 'a', charged_tokens: 1_101 },
      { model: 'b', charged_tokens: 10 },
    ],
  })
  for (const query of [
    `from=${day(0)}&to=${day(1)}`,
    `from=${day(400)}`,
    'from=yesterday',
    'to=2026-13-01',
    'group_by=year',
  ]) {
    expect([query, (await ada('GET', `/user/usage?${query}`)).status]).toEqual([query, 422])
  }
})

test('a new month begins with nothing used', async () => {
  const ada = await signIn()
  await ada('POST', '/chat', { message: 'Hi', model: 'parley-offline' })
  const { ctx } = ctxOf(ada)
  expect((await readQuota(ctx)).messages).toEqual({ limit: 200, used: 1, held: 0 })
  const now = new Date(ctx.now.getTime() + 32 * DAY_MS)
  expect((await readQuota({ ...ctx, now })).messages).toEqual({ limit: 200, used: 0, held: 0 })
})

test('an admin sees the usage of anybody and of all, and nobody else does', async () => {
  const [ada, bob, admin] = [await signIn(), await signIn(), await signInAdmin()]
  const before = (await admin('GET', '/admin/usage')).body.total
  await addUsage(ada, [{ daysAgo: 0, model: 'a', tokens: 5 }])
  await addUsage(bob, [{ daysAgo: 0, model: 'b', tokens: 7 }])
  expect((await admin('GET', `/admin/usage?user_id=${ada.user.id}&group_by=model`)).body).toMatchObject({
    total: { charged_tokens: 5, runs: 1 },
    items: [{ model: 'a', charged_tokens: 5 }],
  })
  const all = await admin('GET', '/admin/usage?group_by=model')
  expect(all.body.total.charged_tokens).toBe(before.charged_tokens + 12)
  expect((await admin('GET', '/admin/usage?group_by=key')).status).toBe(422)
  expect((await admin('GET', `/admin/usage?user_id=${crypto.randomUUID()}`)).status).toBe(404)
  expect((await ada('GET', `/admin/usage?user_id=${ada.user.id}`)).status).toBe(403)
  expect((await ada('GET', `/user/usage?user_id=${bob.user.id}`)).body.total.charged_tokens).toBe(5)
  // What a conversation is about is read only by who looks into it, which is audited.
  const conversation = await startConversation(ada)
  await ada('POST', `/conversations/${conversation}/messages`, { content: 'Private', model: 'parley-offline' })
  const { items } = (await admin('GET', `/admin/usage?user_id=${ada.user.id}&group_by=conversation`)).body
  expect(items).toContainEqual(expect.objectContaining({ conversation_id: conversation, name: null }))
})

test('the sums equal the ledger over all users, by model and day', async () => {
  await addUsage(
    await signIn(),
    countTo(20).map((n) => ({ daysAgo: n, model: `m${n % 3}`, tokens: n })),
  )
  const [ledger, all, users] = await Promise.all([
    one('SELECT count(*) AS runs, sum(charged_tokens) AS tokens FROM usage_ledger'),
    one("SELECT sum(runs) AS runs, sum(charged_tokens) AS tokens FROM usage_days WHERE user_id = '*'"),
    one(
      "SELECT sum(runs) AS runs, sum(charged_tokens) AS tokens FROM usage_days WHERE user_id <> '*' AND dimension = 'key'",
    ),
  ])
  expect([all, users]).toEqual([ledger, ledger])
})
