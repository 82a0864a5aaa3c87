import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { newChatbot, newKeyHolder } from '../support/chatbots.ts'
import { countOf, one, runChores, until } from '../support/client.ts'
import { signInWith } from '../support/plans.ts'
import { reply, type Step, script } from '../support/upstream.ts'

const COMPLETIONS = '/v1/chat/completions'
const say = (content: string, more: object = {}) => ({
  model: 'default',
  messages: [{ role: 'user', content }],
  ...more,
})
const newCaller = async () => {
  const ada = await signInWith()
  return { ada, bot: await newKeyHolder(ada, (await newChatbot(ada, { model: 'gpt-4o-mini' })).id) }
}
type Row = { status: string; cancel_reason: string | null; runner: string | null }
const runOf = (id: string | null) => one<Row>('SELECT status, cancel_reason, runner FROM runs WHERE id = ?', id)
const hangs: Step[] = [{ tokens: 3 }, { hang: true }]

/** Begins a stream and leaves after the first pieces; gives the run. */
async function leave(
  bot: Awaited<ReturnType<typeof newKeyHolder>>,
  body: object,
  headers: Record<string, string> = {},
) {
  const response = await bot.open('POST', COMPLETIONS, { ...body, stream: true }, { headers })
  const reader = response.body!.getReader()
  for (let text = ''; !text.includes('w2'); ) text += new TextDecoder().decode((await reader.read()).value)
  await reader.cancel()
  return response.headers.get('x-run-id')
}

test('who leaves the short way cancels it at once, pays for what was made, and the model is let go', async () => {
  const { ada, bot } = await newCaller()
  const { prompt, calls } = await script(hangs)
  const runId = await leave(bot, say(prompt, { store: false }))
  const run = await until(async () => {
    const found = await runOf(runId)
    return found!.status !== 'in_progress' && found
  })
  expect(run).toEqual({ status: 'cancelled', cancel_reason: 'client_gone', runner: null })
  await until(async () => (await calls())[0]!.closed_by_client)
  const { charged } = (await one<{ charged: number }>(
    'SELECT charged_tokens AS charged FROM usage_ledger WHERE user_id = ?',
    ada.user.id,
  ))!
  expect(charged).toBeGreaterThan(0)
})

test('who leaves and says that it shall end, or go on, gets that', async () => {
  const { bot } = await newCaller()
  const [ends, goesOn, kept] = [await script(hangs), await script(reply(10, 30)), await script(reply(10, 30))]
  const ended = await leave(bot, say(ends.prompt), { 'x-on-disconnect': 'cancel' })
  const going = await leave(bot, say(goesOn.prompt), { 'x-on-disconnect': 'continue' })
  const stored = await leave(bot, say(kept.prompt, { store: true }))
  await until(async () => (await runOf(ended))!.cancel_reason === 'client_gone')
  for (const id of [going, stored]) {
    await until(async () => (await runOf(id))!.status === 'completed')
    const { body } = await bot('GET', `${COMPLETIONS}/chatcmpl-${id}`)
    expect(body.choices[0].message.content).toMatch(/w10/)
  }
})

test('who leaves without a word has a while to come back', async () => {
  const { bot } = await newCaller()
  const { prompt, calls } = await script(reply(30, 20))
  const runId = await leave(bot, say(prompt))
  const path = `${COMPLETIONS}/chatcmpl-${runId}`
  expect((await bot('GET', path)).body.error.code).toBe('run_in_progress')
  const resumed = await bot.open('GET', path, undefined, { headers: { accept: 'text/event-stream' } })
  expect(await resumed.text()).toMatch(/w30.*\[DONE\]/s)
  expect((await calls()).length).toBe(1)
})

test('a run of the short way can be cancelled, and one whose Worker was lost ends free of charge', async () => {
  const { ada, bot } = await newCaller()
  const { prompt } = await script(hangs)
  const response = await bot.open('POST', COMPLETIONS, say(prompt, { store: false, stream: true }))
  const runId = response.headers.get('x-run-id')
  expect((await bot('POST', `/runs/${runId}/cancel`)).status).toBe(200)
  expect((await runOf(runId))!.cancel_reason).toBe('user')
  await response.body!.cancel()
  await until(async () => (await runOf(runId))!.status === 'cancelled')
  // As if the Worker had been killed between the write and its first word.
  const lost = crypto.randomUUID()
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO runs (id, kind, user_id, status, model, context, warnings, reserved, lease_until, created_at)
       VALUES (?, 'gateway', ?, 'in_progress', 'gpt-4o-mini', '{"sent":1,"dropped":0,"tokens":10}', '[]', '{"tokens":100,"clamped":false}', 1, 1)`,
    ).bind(lost, ada.user.id),
    env.DB.prepare(
      `INSERT INTO reservations (run_id, call, subject, period_start, messages, input_tokens, output_tokens, message_room, parallel_room)
       SELECT ?, 1, subject, period_start, 1, 10, 90, 5, 5 FROM quota_periods WHERE subject = ?`,
    ).bind(lost, `user:${ada.user.id}`),
    env.DB.prepare(
      'UPDATE quota_periods SET messages_held = messages_held + 1, tokens_held = tokens_held + 100 WHERE subject = ?',
    ).bind(`user:${ada.user.id}`),
  ])
  await runChores()
  expect((await runOf(lost))!.status).toBe('interrupted')
  const ledger = await one('SELECT charged_tokens, messages, status FROM usage_ledger WHERE run_id = ?', lost)
  expect(ledger).toEqual({ charged_tokens: 0, messages: 0, status: 'interrupted' })
  expect(
    await one('SELECT messages_held, tokens_held FROM quota_periods WHERE subject = ?', `user:${ada.user.id}`),
  ).toEqual({ messages_held: 0, tokens_held: 0 })
})

test('who leaves without a stream is heard too, and a slow short way is not taken for lost while it holds its lease', async () => {
  const { ada, bot } = await newCaller()
  const { prompt, calls } = await script(hangs)
  const leaving = new AbortController()
  const answer = bot('POST', COMPLETIONS, say(prompt, { store: false }), { signal: leaving.signal }).catch(() => {})
  await until(async () => (await calls()).length === 1)
  await runChores(new Date(Date.now() + 30_000))
  expect(await countOf("runs WHERE user_id = ? AND status = 'in_progress'", ada.user.id)).toBe(1)
  leaving.abort()
  await answer
  await until(async () => (await countOf("runs WHERE user_id = ? AND status = 'cancelled'", ada.user.id)) === 1)
})
