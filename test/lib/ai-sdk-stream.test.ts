import {
  parseJsonEventStream,
  readUIMessageStream,
  type UIMessage,
  type UIMessageChunk,
  uiMessageChunkSchema,
} from 'ai'
import { expect, test } from 'vitest'
import { readEvents } from '../../scripts/sse.ts'
import { AI_SDK } from '../../src/lib/ai-sdk-stream.ts'
import { encoded } from '../../src/lib/run-encodings.ts'
import type { NewRunEvent, RunEvent } from '../../src/lib/run-events.ts'

const id = (n: number) => `00000000-0000-7000-8000-00000000000${n}`
const RUN = { run_id: id(1), conversation_id: id(2), user_message_id: id(3), model: 'm', warnings: [] }
const context = { sent: 1, dropped: 0, tokens: 5 }
const USAGE = {
  input_tokens: 5,
  cached_tokens: 0,
  output_tokens: 2,
  reasoning_tokens: 0,
  total_tokens: 7,
  charged_tokens: 7,
  calls: 1,
  cost_microusd: 0,
  estimated: false,
}

const created: NewRunEvent = {
  type: 'run.created',
  status: 'in_progress',
  conversation_id: id(2),
  user_message_id: id(3),
  message_id: id(4),
  model: 'm',
  context,
  reserved: null,
  warnings: [],
}
const text = (delta: string, offset = 0): NewRunEvent => ({ type: 'message.delta', offset, delta })
const thought = (delta: string, offset = 0): NewRunEvent => ({ type: 'reasoning.delta', offset, delta })
const usage: NewRunEvent = { type: 'usage', ...USAGE }
const stored: NewRunEvent = { type: 'message.completed', message: { id: id(4), content: 'Hello there', sources: [] } }
const completed = { type: 'run.completed', status: 'completed', finish_reason: 'stop', persisted: true } as const
const cancelled: NewRunEvent = {
  type: 'run.cancelled',
  status: 'cancelled',
  cancel_reason: 'user',
  persisted: true,
}
const error = { code: 'upstream_stalled', message: 'The model fell silent', retryable: true }
const failed: NewRunEvent = { type: 'run.failed', status: 'failed', error, persisted: true }
const interrupted: NewRunEvent = { type: 'run.interrupted', status: 'interrupted', error, persisted: true }
const search = (call_id: string, args = '{"query":"x"}'): NewRunEvent => ({
  type: 'tool.call',
  call_id,
  name: 'web_search',
  arguments: args,
  executor: 'server',
})
const found = (call_id: string, ok = true, ...urls: string[]): NewRunEvent => ({
  type: 'tool.result',
  call_id,
  ok,
  summary: 'A summary',
  sources: urls.map((url) => ({ title: `About ${url}`, url })),
})

const numbered = (events: NewRunEvent[]) => events.map((event, at) => ({ run_id: id(1), seq: at + 1, ...event }))

/** The bytes that a client gets of these events, each of them a group. */
async function written(events: NewRunEvent[], after = 0): Promise<string> {
  const groups = (async function* () {
    for (const event of numbered(events)) yield [event as RunEvent]
  })()
  let all = ''
  for await (const part of encoded(AI_SDK, groups, after)) all += part
  return all
}

const streamOf = (sse: string) => new Response(sse).body!

/** The parts as the real client reads them: it throws on what it does not know. */
async function read(sse: string): Promise<UIMessageChunk[]> {
  const chunks: UIMessageChunk[] = []
  const stream = parseJsonEventStream({ stream: streamOf(sse), schema: uiMessageChunkSchema })
  for await (const parsed of stream as unknown as AsyncIterable<{ success: boolean; value: UIMessageChunk }>) {
    expect(parsed).toMatchObject({ success: true })
    chunks.push(parsed.value)
  }
  return chunks
}

/** The message that the real client makes of them, and what it throws in the end, if it does. */
async function shown(sse: string) {
  let fault: unknown
  const stream = new ReadableStream<UIMessageChunk>({
    start: async (controller) => {
      for (const chunk of await read(sse)) controller.enqueue(chunk)
      controller.close()
    },
  })
  const states = readUIMessageStream({ stream, onError: (error) => (fault = error) })
  let message: UIMessage | undefined
  for await (const state of states) message = state
  return { message, fault: fault as Error | undefined }
}

const run = (standing: object) => ({ type: 'data-run', id: 'run', data: { ...RUN, context, ...standing } })

test('a reply that completes is one step of one text, under the id of the stored message', async () => {
  const sse = await written([created, text('Hello'), text(' there', 5), usage, stored, completed])
  expect(await read(sse)).toEqual([
    { type: 'start', messageId: id(4) },
    run({ status: 'in_progress' }),
    { type: 'start-step' },
    { type: 'text-start', id: 'text-1' },
    { type: 'text-delta', id: 'text-1', delta: 'Hello' },
    { type: 'text-delta', id: 'text-1', delta: ' there' },
    { type: 'data-usage', id: 'usage', data: USAGE },
    { type: 'text-end', id: 'text-1' },
    { type: 'finish-step' },
    run({ status: 'completed', finish_reason: 'stop' }),
    { type: 'finish', finishReason: 'stop' },
  ])
  expect(sse.endsWith('data: [DONE]\n\n')).toBe(true)
  const { message } = await shown(sse)
  expect(message).toMatchObject({ id: id(4), role: 'assistant' })
  // How the run stands is told twice, and shown once.
  expect(message!.parts).toEqual([
    run({ status: 'completed', finish_reason: 'stop' }),
    { type: 'step-start' },
    expect.objectContaining({ type: 'text', text: 'Hello there', state: 'done' }),
    { type: 'data-usage', id: 'usage', data: USAGE },
  ])
})

test.each([
  ['length', 'length'],
  ['content_filter', 'content-filter'],
  ['tool_calls', 'tool-calls'],
] as const)('a reply that ends by %s finishes by %s', async (finish_reason, finishReason) => {
  const chunks = await read(await written([created, text('Hello'), { ...completed, finish_reason }]))
  expect(chunks.at(-1)).toEqual({ type: 'finish', finishReason })
})

test('a reply that is cancelled keeps its text, and is an abort', async () => {
  const sse = await written([created, text('Hel'), usage, cancelled])
  expect((await read(sse)).slice(-4)).toEqual([
    { type: 'text-end', id: 'text-1' },
    { type: 'finish-step' },
    run({ status: 'cancelled', cancel_reason: 'user' }),
    { type: 'abort' },
  ])
  const { message, fault } = await shown(sse)
  expect(fault).toBe(undefined)
  expect(message!.parts.find(({ type }) => type === 'text')).toMatchObject({ text: 'Hel', state: 'done' })
})

test.each([failed, interrupted])('$type keeps the text, and is an error', async (ending) => {
  const sse = await written([created, text('Hel'), usage, ending])
  expect((await read(sse)).slice(-2)).toEqual([
    run({ status: (ending as { status: string }).status, error }),
    { type: 'error', errorText: 'The model fell silent' },
  ])
  expect((await shown(sse)).fault?.message).toBe('The model fell silent')
})

test('a reply that ends before it says anything has no step', async () => {
  for (const [ending, type] of [
    [completed, 'finish'],
    [cancelled, 'abort'],
    [failed, 'error'],
  ] as const) {
    const types = (await read(await written([created, usage, ending]))).map((chunk) => chunk.type)
    expect(types).toEqual(['start', 'data-run', 'data-usage', 'data-run', type])
  }
})

test('events that end without a terminal one end in an error, wherever they do', async () => {
  const whole = [created, thought('Hm'), text('Hello'), search('c1'), found('c1'), text('!'), usage, stored]
  for (let n = 0; n <= whole.length; n++) {
    const sse = await written(whole.slice(0, n))
    expect((await read(sse)).at(-1)).toMatchObject({ type: 'error', errorText: expect.stringContaining('resume') })
    expect(sse).not.toContain('[DONE]')
  }
})

test('what the model thinks and what it says are parts of their own', async () => {
  const { message } = await shown(
    await written([created, thought('Let'), thought(' me'), text('Yes'), thought('Wait'), text('No'), completed]),
  )
  expect(message!.parts.slice(2)).toMatchObject([
    { type: 'reasoning', text: 'Let me', state: 'done' },
    { type: 'text', text: 'Yes', state: 'done' },
    { type: 'reasoning', text: 'Wait', state: 'done' },
    { type: 'text', text: 'No', state: 'done' },
  ])
})

test('a search is a step of its own, which the client does not answer, and its pages are sources, each once', async () => {
  const sse = await written([
    created,
    text('I look'),
    search('c1'),
    search('c2', 'no json'),
    found('c1', true, 'https://a.example', 'https://b.example', 'https://a.example'),
    found('c2', false),
    search('c3'),
    found('c3', true, 'https://b.example', 'https://c.example'),
    text('So it is'),
    completed,
  ])
  const tool = { dynamic: true, providerExecuted: true }
  const chunks = await read(sse)
  expect(chunks.slice(5, 13)).toEqual([
    { type: 'text-end', id: 'text-1' },
    { type: 'tool-input-available', toolCallId: 'c1', toolName: 'web_search', input: { query: 'x' }, ...tool },
    { type: 'tool-input-available', toolCallId: 'c2', toolName: 'web_search', input: 'no json', ...tool },
    {
      type: 'tool-output-available',
      toolCallId: 'c1',
      output: { summary: 'A summary', sources: expect.any(Array) },
      ...tool,
    },
    { type: 'source-url', sourceId: 'source-1', url: 'https://a.example', title: 'About https://a.example' },
    { type: 'source-url', sourceId: 'source-2', url: 'https://b.example', title: 'About https://b.example' },
    { type: 'tool-output-error', toolCallId: 'c2', errorText: 'A summary', ...tool },
    { type: 'finish-step' },
  ])
  const { message, fault } = await shown(sse)
  expect(fault).toBe(undefined)
  expect(message!.parts.map((part) => ('state' in part ? `${part.type} ${part.state}` : part.type))).toEqual([
    'data-run',
    'step-start',
    'text done',
    'dynamic-tool output-available',
    'dynamic-tool output-error',
    'source-url',
    'source-url',
    'step-start',
    'dynamic-tool output-available',
    'source-url',
    'step-start',
    'text done',
  ])
})

test('a search that the end of the reply overtakes is answered by an error, and a result without its call is left out', async () => {
  const { message, fault } = await shown(await written([created, search('c1'), found('c0'), cancelled]))
  expect(fault).toBe(undefined)
  expect(message!.parts).toMatchObject([
    { type: 'data-run' },
    { type: 'step-start' },
    { type: 'dynamic-tool', toolCallId: 'c1', state: 'output-error' },
  ])
})

test('a call that the client has to answer is left to it', async () => {
  const call = { ...search('c1'), executor: 'client' } as NewRunEvent
  const { message } = await shown(await written([created, call, { ...completed, finish_reason: 'tool_calls' }]))
  expect(message!.parts[2]).toMatchObject({ state: 'input-available', providerExecuted: false })
})

test('the title of the conversation is told, and is no part of the message', async () => {
  const sse = await written([created, text('Hi'), { type: 'title', title: 'Greetings' }, completed])
  expect(await read(sse)).toContainEqual({ type: 'data-title', transient: true, data: { title: 'Greetings' } })
  expect((await shown(sse)).message!.parts.map(({ type }) => type)).not.toContain('data-title')
})

test('cut after any event and resumed by its id, the frames are those of a stream that was not cut', async () => {
  const events = [
    created,
    thought('Hm'),
    text('Hello'),
    search('c1'),
    found('c1', true, 'https://a.example'),
    text('!', 5),
    usage,
    stored,
    completed,
  ]
  const whole = await written(events)
  const ids: number[] = []
  for await (const { id } of readEvents(streamOf(whole))) if (id !== undefined) ids.push(Number(id))
  expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 9])
  for (let n = 1; n < events.length; n++) {
    const rest = await written(events, n)
    expect(whole.endsWith(rest)).toBe(true)
    const before = whole.slice(0, whole.length - rest.length)
    const lastId = [...before.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1]
    expect(Number(lastId)).toBe(n === 8 ? 7 : n)
  }
})

test('encoding changes no state that it was given', async () => {
  const [first] = AI_SDK.encode(AI_SDK.initial, numbered([created])[0] as RunEvent)
  const copy = structuredClone(first)
  AI_SDK.encode(first, { ...(search('c1') as RunEvent), run_id: id(1), seq: 2 })
  expect(first).toEqual(copy)
})
