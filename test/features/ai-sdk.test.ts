import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { readEvents } from '../../scripts/sse.ts'
import { watchConversation } from '../../src/features/runs/service.ts'
import type { Runner } from '../../src/index.ts'
import { countOf, type SignedIn, signIn, startConversation, until } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'
import { reply, script } from '../support/upstream.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into parts of every shape
type Part = { type: string; [field: string]: any }
type Frame = { id: number | undefined; part: Part }

/** The parts of a stream with their ids, without `[DONE]`; `take` cuts it after so many. */
async function framesOf(response: Response, take = Number.POSITIVE_INFINITY): Promise<Frame[]> {
  expect(response.status).toBe(200)
  expect(response.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1')
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const frames: Frame[] = []
  for await (const { id, event, data } of readEvents(response.body!)) {
    // A name would keep a frame from the listeners of the SDK.
    expect(event).toBe('message')
    if (data === '[DONE]') break
    frames.push({ id: id === undefined ? undefined : Number(id), part: JSON.parse(data) })
    if (frames.length >= take) break
  }
  return frames
}

const partsOf = async (response: Response, take?: number) => (await framesOf(response, take)).map(({ part }) => part)
const textOf = (parts: Part[]) =>
  parts
    .filter(({ type }) => type === 'text-delta')
    .map(({ delta }) => delta)
    .join('')
const typesOf = (parts: Part[]) => [...new Set(parts.map(({ type }) => type))]

const say = (user: SignedIn, conversation: string, content: string, more: object = {}, headers = {}) =>
  user.open('POST', `/conversations/${conversation}/messages?format=ai-sdk`, { content, ...more }, { headers })
const watch = (user: SignedIn, runId: string, headers = {}) =>
  user.open('GET', `/runs/${runId}/events?format=ai-sdk`, undefined, { headers })
const runOf = (parts: Part[]) => parts.filter(({ type }) => type === 'data-run').at(-1)!.data

test('the AI SDK gets its own stream without asking for one, after two round trips', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(20))
  const response = await say(ada, await startConversation(ada), prompt)
  expect(response.headers.get('server-timing')).toContain('trips=2')
  const parts = await partsOf(response)
  const { body: message } = await ada('GET', `/messages/${parts[0]!.messageId}`)
  expect(textOf(parts)).toBe(message.content)
  expect(message).toMatchObject({ status: 'completed', role: 'assistant' })
  const standing = { run_id: message.run_id, user_message_id: message.parent_id, context: message.context }
  expect(parts[1]).toMatchObject({ type: 'data-run', data: { ...standing, status: 'in_progress', warnings: [] } })
  expect(runOf(parts)).toMatchObject({ ...standing, status: 'completed', finish_reason: 'stop' })
  expect(parts.find(({ type }) => type === 'data-usage')!.data).toEqual(message.usage)
  expect(parts.find(({ type }) => type === 'data-title')!.data.title).toContain('Go on')
  expect(parts.at(-1)).toEqual({ type: 'finish', finishReason: 'stop' })
  expect(typesOf(await partsOf(await watch(ada, message.run_id)))).toEqual(typesOf(parts))
})

test('another answer beside the first is streamed to the AI SDK too', async () => {
  const ada = await signIn()
  const { prompt } = await script(reply(3))
  const [{ messageId: first } = { messageId: '' }] = await partsOf(await say(ada, await startConversation(ada), prompt))
  const parts = await partsOf(await ada.open('POST', `/messages/${first}/regenerate?format=ai-sdk`))
  expect(parts[0]!.messageId).not.toBe(first)
  const { body: message } = await ada('GET', `/messages/${parts[0]!.messageId}`)
  expect(message).toMatchObject({ status: 'completed', content: 'w1 w2 w3 ' })
  expect(message.parent_id).toBe((await ada('GET', `/messages/${first}`)).body.parent_id)
})

test('what is wrong before the stream is a problem like any other, and an unknown format stores nothing', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 1 }, { hang: true }])
  for (const format of ['ai_sdk', 'AI-SDK', '', 'native']) {
    const at = { post: `/conversations/${conversation}/messages`, again: `/messages/${conversation}/regenerate` }
    const answers = [
      await ada('POST', `${at.post}?format=${format}`, { content: prompt }),
      await ada('POST', `${at.again}?format=${format}`, {}),
      await ada('GET', `/runs/${conversation}/events?format=${format}`),
    ]
    for (const answer of answers) expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
  }
  expect(await countOf('messages WHERE conversation_id = ?', conversation)).toBe(0)
  const parts = await partsOf(await say(ada, conversation, prompt), 3)
  const busy = await ada('POST', `/conversations/${conversation}/messages?format=ai-sdk`, { content: 'And?' })
  expect(busy).toMatchObject({ status: 409, body: { code: 'conversation_busy', run_id: runOf(parts).run_id } })
  await ada('POST', `/runs/${runOf(parts).run_id}/cancel`)
})

test('a message that asks for no reply is stored and answered as JSON, in any format', async () => {
  const ada = await signIn()
  const path = `/conversations/${await startConversation(ada)}/messages?format=ai-sdk`
  expect(await ada('POST', path, { content: 'For later', reply: false })).toMatchObject({
    status: 201,
    body: { content: 'For later', role: 'user' },
  })
})

test('the conversation streams the reply that is being written from its start, and nothing when none is', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const stream = () => ada.open('GET', `/conversations/${conversation}/stream`)
  expect((await stream()).status).toBe(204)
  const { prompt } = await script([{ tokens: 30, gap_ms: 20 }, { finish: 'stop' }, { done: true }])
  const seen = await partsOf(await say(ada, conversation, prompt), 12)
  const response = await stream()
  expect(response.headers.get('server-timing')).toContain('trips=1')
  expect(response.headers.get('x-run-id')).toBe(runOf(seen).run_id)
  const replayed = await partsOf(response)
  // What is told again is what was told before.
  expect(replayed.slice(0, 12)).toEqual(seen)
  const { body: message } = await ada('GET', `/messages/${replayed[0]!.messageId}`)
  expect(textOf(replayed)).toBe(message.content)
  expect(replayed.at(-1)).toEqual({ type: 'finish', finishReason: 'stop' })
  expect((await stream()).status).toBe(204)
})

test('the reply of a conversation is found by one trip that reads no more when there were many', async () => {
  const ada = await signIn()
  const [short, long] = [await startConversation(ada), await startConversation(ada)]
  const { prompt } = await script(reply(1))
  await partsOf(await say(ada, long, prompt))
  const { results } = await env.DB.prepare('SELECT name FROM pragma_table_info(?)').bind('runs').all<{ name: string }>()
  const names = results.map(({ name }) => name)
  // Every other one is a title that is being written, which is no reply.
  const changed: Record<string, string> = {
    id: "printf('02000000-0000-7000-8000-%012d', i)",
    kind: "iif(i % 2, 'title', kind)",
    status: "iif(i % 2, 'in_progress', status)",
  }
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO runs (${names.join(', ')})
     SELECT ${names.map((name) => changed[name] ?? name).join(', ')}
     FROM runs, n WHERE conversation_id = ?`,
  )
    .bind(long)
    .run()
  const costOf = async (conversation: string) => {
    const { ctx, meter } = ctxOf(ada)
    expect(await watchConversation(ctx, conversation)).toBe('idle')
    return meter
  }
  // Its own row, and at times that of an index.
  for (const id of [short, long]) {
    const { trips, rowsRead } = await costOf(id)
    expect([trips, rowsRead <= 2]).toEqual([1, true])
  }
})

test('a cancelled reply is an abort that keeps its text, and the conversation has nothing to stream then', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 3 }, { hang: true }])
  const response = await say(ada, conversation, prompt)
  const cancelled = until(async () => {
    const { body: list } = await ada('GET', `/conversations/${conversation}/messages`)
    return list[1] && (await ada('POST', `/runs/${list[1].run_id}/cancel`)).body
  })
  const parts = await partsOf(response)
  expect(parts.at(-1)).toEqual({ type: 'abort' })
  expect(runOf(parts)).toMatchObject({ status: 'cancelled', cancel_reason: 'user', run_id: (await cancelled).id })
  const { body: message } = await ada('GET', `/messages/${parts[0]!.messageId}`)
  expect(message).toMatchObject({ status: 'cancelled', content: textOf(parts) })
  expect((await ada.open('GET', `/conversations/${conversation}/stream`)).status).toBe(204)
})

test('a failure in the middle is an error in our words, with a code beside it', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ tokens: 3 }, { error: { message: 'secret' } }])
  const parts = await partsOf(await say(ada, await startConversation(ada), prompt))
  expect(textOf(parts)).toBe('w1 w2 w3 ')
  expect(runOf(parts)).toMatchObject({ status: 'failed', error: { code: 'upstream_error' } })
  expect(parts.at(-1)).toEqual({ type: 'error', errorText: runOf(parts).error.message })
  expect(JSON.stringify(parts)).not.toContain('secret')
})

test('cut after any event, the stream of the AI SDK goes on after it, and says when nothing follows', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ reasoning: 'Hm' }, ...reply(6, 1)])
  const whole = await framesOf(await say(ada, await startConversation(ada), prompt))
  const { run_id } = runOf(whole.map(({ part }) => part))
  const after = (id: number) => watch(ada, run_id, { 'last-event-id': String(id) })
  const ids = whole.map(({ id }) => id).filter((id) => id !== undefined)
  for (const id of ids.slice(0, -1)) {
    const rest = await framesOf(await after(id))
    expect(rest).toEqual(whole.slice(whole.findIndex((frame) => frame.id === id) + 1))
  }
  expect((await after(ids.at(-1)!)).status).toBe(204)
  expect(await framesOf(await after(1_000))).toEqual(whole)
})

test('the same key gives the same reply in whichever form it is asked for, from where the client was', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt, calls } = await script(reply(5))
  const key = { 'idempotency-key': crypto.randomUUID() }
  const asJson = await ada('POST', `/conversations/${conversation}/messages`, { content: prompt }, { headers: key })
  const replay = await say(ada, conversation, prompt, {}, key)
  expect(replay.headers.get('idempotency-replayed')).toBe('true')
  const frames = await framesOf(replay)
  expect(frames[0]!.part.messageId).toBe(asJson.body.id)
  const rest = await framesOf(await say(ada, conversation, prompt, {}, { ...key, 'last-event-id': '3' }))
  expect(rest).toEqual(frames.slice(frames.findIndex(({ id }) => id === 3) + 1))
  expect(await calls()).toHaveLength(1)
  // To a reply that begins now the id of another one says nothing.
  const fresh = await framesOf(await say(ada, conversation, prompt, {}, { 'last-event-id': '3' }))
  expect(fresh[0]!.part.type).toBe('start')
})

test('when the log is gone the AI SDK is told the reply from its message', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script(reply(5))
  const before = await partsOf(await say(ada, conversation, prompt))
  const runner = env.RUNNER.getByName(`c:${conversation}`)
  await runInDurableObject(runner, (_: Runner, state) => state.storage.sql.exec('DELETE FROM log'))
  for (const headers of [{}, { 'last-event-id': '3' }]) {
    const again = await partsOf(await watch(ada, runOf(before).run_id, headers))
    expect(textOf(again)).toBe(textOf(before))
    expect([again[0], again.at(-1), runOf(again)]).toEqual([before[0], before.at(-1), runOf(before)])
  }
})

test('a reply that was lost is an error for who comes back to it, and the next one is not in its way', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 3 }, { hang: true }], reply(2))
  await partsOf(await say(ada, conversation, prompt), 6)
  const runner = env.RUNNER.getByName(`c:${conversation}`)
  await runInDurableObject(runner, (_: Runner, state) => state.abort('killed by a test')).catch(() => {})
  const parts = await partsOf(await ada.open('GET', `/conversations/${conversation}/stream`))
  expect(runOf(parts)).toMatchObject({ status: 'interrupted', error: { code: 'run_interrupted', retryable: true } })
  expect(parts.at(-1)!.type).toBe('error')
  expect(textOf(parts)).toBe((await ada('GET', `/messages/${parts[0]!.messageId}`)).body.content)
  expect((await partsOf(await say(ada, conversation, prompt))).at(-1)!.type).toBe('finish')
})

test('a silent model is bridged by comments, before the first word too', async () => {
  const ada = await signIn()
  const { prompt } = await script([{ wait: 700 }, ...reply(2)])
  const text = await (await say(ada, await startConversation(ada), prompt)).text()
  expect(text.startsWith('retry: 1500\n\n: open\n\n')).toBe(true)
  expect(text.indexOf(': hb')).toBeGreaterThan(0)
  expect(text.indexOf(': hb')).toBeLessThan(text.indexOf('"text-start"'))
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
})
