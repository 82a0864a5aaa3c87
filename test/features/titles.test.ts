import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { configOf } from '../../src/env.ts'
import type { Runner } from '../../src/index.ts'
import { countOf, eventsOf, one, type SignedIn, signIn, startConversation, until } from '../support/client.ts'
import type { Step } from '../support/fake-openai.ts'
import { booksOf, signInWith } from '../support/plans.ts'
import { reply, script } from '../support/upstream.ts'

const offline = { model: 'parley-offline' }

/** The conversation's Runner has a model for titles from now on. The configuration is one for all of them in a test file. */
const haveTitleModel = (conversation: string, model: string | undefined, titleMs = 20_000) =>
  runInDurableObject(env.RUNNER.getByName(`c:${conversation}`), (runner: Runner) => {
    Object.assign(configOf((runner as unknown as { env: Env }).env), { TITLE_MODEL: model, TITLE_MS: titleMs })
  })

const start = async (user: SignedIn, model?: string, titleMs?: number) => {
  const conversation = await startConversation(user)
  await haveTitleModel(conversation, model, titleMs)
  return conversation
}

const say = (user: SignedIn, conversation: string, content: string, more: object = offline) =>
  user('POST', `/conversations/${conversation}/messages`, { content, ...more })

const titleOf = (conversation: string) =>
  one<{ title: string | null; title_source: string | null }>(
    'SELECT title, title_source FROM conversations WHERE id = ?',
    conversation,
  )

const modelsTitle = (conversation: string) =>
  until(async () => {
    const found = await titleOf(conversation)
    return found?.title_source === 'model' && found.title
  })

const titled = (text: string): Step[] => [
  { text },
  { finish: 'stop' },
  { usage: { prompt_tokens: 60, completion_tokens: 5 } },
  { done: true },
]

test('a conversation is called by its first words, and the stream says so', async () => {
  const ada = await signIn()
  const conversation = await start(ada)
  const { prompt } = await script(reply(3, 20))
  const response = await ada.open('POST', `/conversations/${conversation}/messages`, { content: prompt, stream: true })
  const titles = (await eventsOf(response)).filter(({ event }) => event === 'title')
  expect(titles.map(({ data }) => data.title)).toEqual([prompt])
  expect(await titleOf(conversation)).toEqual({ title: prompt, title_source: 'text' })
  await say(ada, conversation, 'Something else')
  expect((await titleOf(conversation))!.title).toBe(prompt)
})

test('a model names a conversation, pays in tokens, and its run is no message', async () => {
  const ada = await signIn()
  const conversation = await start(ada, 'gpt-4o-mini')
  const { prompt, calls } = await script(titled('Title: "A walk through Paris."\nNothing more'))
  expect((await say(ada, conversation, prompt)).status).toBe(201)
  expect(await modelsTitle(conversation)).toBe('A walk through Paris')
  const [call] = await calls()
  expect((call!.body as { messages: object[] }).messages).toMatchObject([{ role: 'system' }, { content: prompt }])
  const { used, ledger, days, held, reservations } = await until(async () => {
    const books = await booksOf(ada)
    return books.reservations === 0 && books
  })
  expect([days, used]).toEqual([ledger, ledger])
  expect([held, reservations]).toEqual([{ messages: 0, tokens: 0 }, 0])
  expect(used!.messages).toBe(1)
  expect(
    await one("SELECT messages, charged_tokens FROM usage_ledger WHERE user_id = ? AND kind = 'title'", ada.user.id),
  ).toEqual({ messages: 0, charged_tokens: 65 })
  expect((await ada('GET', `/conversations/${conversation}/messages`)).body).toHaveLength(2)
})

test('the title comes also when the answer failed', async () => {
  const ada = await signIn()
  const conversation = await start(ada, 'parley-offline')
  const { prompt } = await script([{ status: 400, json: { error: { message: 'no' } } }])
  expect((await say(ada, conversation, prompt, {})).status).toBe(502)
  expect(await modelsTitle(conversation)).toMatch(/^You said/)
})

test('what a model answers is cut to a title, and an empty answer is none', async () => {
  const ada = await signIn()
  const answers: [string, string][] = [
    ['## **A bold one**\n\nand a tale about it', 'A bold one'],
    [`\u0007${'long '.repeat(40)}`, `${'long '.repeat(40).slice(0, 59)}…`],
    ['"   "', ''],
  ]
  for (const [answer, title] of answers) {
    const conversation = await start(ada, 'gpt-4o-mini')
    const { prompt } = await script(titled(answer))
    await say(ada, conversation, prompt)
    await until(async () => (await countOf('reservations WHERE subject = ?', `user:${ada.user.id}`)) === 0)
    await expect.poll(async () => (await titleOf(conversation))!.title).toBe(title || prompt)
  }
})

test('a title that its user gave stays, until a new one is asked for', async () => {
  const ada = await signIn()
  const { body } = await ada('POST', '/conversations', { title: 'Mine' })
  await haveTitleModel(body.id, 'gpt-4o-mini')
  const { prompt, calls } = await script(titled('Theirs'))
  await say(ada, body.id, prompt)
  expect(await calls()).toEqual([])
  expect(await titleOf(body.id)).toEqual({ title: 'Mine', title_source: 'user' })
  const named = await ada('POST', `/conversations/${body.id}/title`)
  expect(named).toMatchObject({ status: 200, body: { id: body.id, title: 'Theirs', updated_at: expect.any(String) } })
  expect(await titleOf(body.id)).toEqual({ title: 'Theirs', title_source: 'model' })
})

test('a title that its user gives meanwhile is not overwritten', async () => {
  const ada = await signIn()
  const conversation = await start(ada, 'gpt-4o-mini')
  const { prompt } = await script([{ wait: 300 }, ...titled('Theirs')])
  await say(ada, conversation, prompt)
  await ada('PATCH', `/conversations/${conversation}`, { title: 'Mine' })
  await until(
    async () => (await countOf("runs WHERE conversation_id = ? AND status = 'in_progress'", conversation)) === 0,
  )
  expect((await titleOf(conversation))!.title).toBe('Mine')
})

test('without a model, or where it fails, a title that is asked for is the first words', async () => {
  const ada = await signIn()
  const conversation = await start(ada)
  const path = `/conversations/${conversation}/title`
  expect(await ada('POST', path)).toMatchObject({ status: 409, body: { code: 'conflict' } })
  const { prompt } = await script([{ status: 500, json: {} }])
  await say(ada, conversation, prompt)
  await ada('PATCH', `/conversations/${conversation}`, { title: 'Mine' })
  expect((await ada('POST', path)).body.title).toBe(prompt)
  await haveTitleModel(conversation, 'gpt-4o-mini')
  expect((await ada('POST', path)).body.title).toBe(prompt)
  expect((await (await signIn())('POST', path)).status).toBe(404)
})

test('a model that takes too long for a title is given up, and a quota without room for it keeps the first words', async () => {
  const ada = await signIn()
  const slow = await start(ada, 'gpt-4o-mini', 200)
  const { prompt } = await script([{ wait: 100 }, { text: 'So' }, { hang: true }])
  await say(ada, slow, prompt)
  await until(async () => (await countOf("runs WHERE conversation_id = ? AND status = 'in_progress'", slow)) === 0)
  expect(
    await one("SELECT status, cancel_reason FROM runs WHERE conversation_id = ? AND kind = 'title'", slow),
  ).toEqual({
    status: 'cancelled',
    cancel_reason: 'superseded',
  })
  expect((await titleOf(slow))!.title).toBe(prompt)
  const bob = await signInWith({ tokens: 120 })
  const poor = await start(bob, 'gpt-4o-mini')
  const never = await script(titled('Rich'))
  expect((await say(bob, poor, never.prompt)).status).toBe(201)
  expect((await bob('POST', `/conversations/${poor}/title`)).body.title).toBe(never.prompt)
  expect(await never.calls()).toEqual([])
})

test('a conversation is deleted while it is being named: what that used is counted, and nothing is held', async () => {
  const ada = await signIn()
  const conversation = await start(ada, 'gpt-4o-mini')
  const { prompt } = await script([{ text: 'So' }, { hang: true }])
  await say(ada, conversation, prompt)
  await until(async () => countOf("runs WHERE conversation_id = ? AND kind = 'title'", conversation))
  expect((await ada('DELETE', `/conversations/${conversation}`)).status).toBe(204)
  expect(await countOf('runs WHERE conversation_id = ?', conversation)).toBe(0)
  const { ledger, used, reservations } = await booksOf(ada)
  expect([used, reservations]).toEqual([ledger, 0])
  expect(await countOf("usage_ledger WHERE user_id = ? AND kind = 'title'", ada.user.id)).toBe(1)
})

test('a Runner that dies while it names ends that run, and the conversation keeps its first words', async () => {
  const ada = await signIn()
  const conversation = await start(ada, 'gpt-4o-mini')
  const { prompt } = await script([{ text: 'So' }, { hang: true }])
  await say(ada, conversation, prompt)
  await until(async () => countOf("runs WHERE conversation_id = ? AND kind = 'title'", conversation))
  const runner = env.RUNNER.getByName(`c:${conversation}`)
  await runInDurableObject(runner, (_: Runner, state) => state.abort('killed by a test')).catch(() => {})
  expect((await say(ada, conversation, 'Still there?')).status).toBe(201)
  await until(
    async () => (await countOf("runs WHERE conversation_id = ? AND status = 'in_progress'", conversation)) === 0,
  )
  expect((await titleOf(conversation))!.title).toBe(prompt)
  const { ledger, used, reservations } = await booksOf(ada)
  expect([used, reservations]).toEqual([ledger, 0])
})

test('a conversation that began with words only stored is named with its first answer', async () => {
  const ada = await signIn()
  const conversation = await start(ada, 'gpt-4o-mini')
  const path = `/conversations/${conversation}/messages`
  await ada('POST', path, { content: 'A note', reply: false })
  const { prompt } = await script(titled('Named'))
  await say(ada, conversation, prompt)
  expect(await modelsTitle(conversation)).toBe('Named')
  const { calls, ...second } = await script(titled('Again'))
  await say(ada, conversation, second.prompt)
  expect(await calls()).toEqual([])
})

test('the stream tells the title that the conversation has', async () => {
  const ada = await signIn()
  const conversation = await start(ada, 'gpt-4o-mini')
  const slow: Step[] = [{ text: 'a' }, { wait: 900 }, { finish: 'stop' }, { done: true }]
  const { prompt } = await script(slow, [{ wait: 300 }, ...titled('Theirs')])
  const response = await ada.open('POST', `/conversations/${conversation}/messages`, { content: prompt, stream: true })
  await ada('PATCH', `/conversations/${conversation}`, { title: 'Mine' })
  const titles = (await eventsOf(response)).filter(({ event }) => event === 'title')
  expect(titles.map(({ data }) => data.title)).toEqual(['Mine'])
})

test('the end of a title lets nobody in who waits for a reply', async () => {
  const ada = await signInWith()
  const conversation = await start(ada)
  const path = `/conversations/${conversation}/messages`
  const naming = await script([{ wait: 500 }, ...titled('Named')])
  await ada('POST', path, { content: naming.prompt, reply: false })
  await haveTitleModel(conversation, 'gpt-4o-mini')
  const { prompt } = await script(reply(3, 60))
  const running = ada('POST', path, { content: prompt })
  const run = await until(() =>
    one<{ id: string }>(
      "SELECT id FROM runs WHERE conversation_id = ? AND status = 'in_progress' AND kind = 'reply'",
      conversation,
    ),
  )
  const runner = env.RUNNER.getByName(`c:${conversation}`) as unknown as Runner
  const behind = { id: run.id } as Parameters<Runner['waitForTurn']>[1]
  const served: string[] = []
  const wait = (ticket: string) => runner.waitForTurn(ticket, behind, false, 5_000).then(() => served.push(ticket))
  const [first, second] = [wait('first'), wait('second')]
  await running
  await first
  await ada('POST', `/conversations/${conversation}/title`)
  expect(served).toEqual(['first'])
  await second
})
