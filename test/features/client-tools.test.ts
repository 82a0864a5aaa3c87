import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { ChatMessage } from '../../src/ai/provider.ts'
import { providerFor } from '../../src/ai/providers.ts'
import { configOf } from '../../src/env.ts'
import { generateWithTools } from '../../src/features/runs/tool-loop.ts'
import type { NewRunEvent } from '../../src/lib/run-events.ts'
import type { Step } from '../support/fake-openai.ts'
import { script } from '../support/upstream.ts'

const config = configOf(env)
const ACCESS = { readPicture: async () => undefined, openSecret: async () => undefined }
const WEATHER = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }
type Given = { messages?: ChatMessage[]; options?: Record<string, unknown>; searches?: boolean; model?: string }

/** A run with parameters of the client, and the words and calls of its answer in order. */
async function ask(content: string, { options = { tools: [WEATHER] }, searches = false, ...given }: Given = {}) {
  const told: NewRunEvent[] = []
  const model = config.MODELS.find(({ id }) => id === (given.model ?? config.MODELS[0]!.id))!
  const generation = await generateWithTools({
    job: {
      run: { id: 'r', context: { sent: 1, dropped: 0, tokens: 100 } } as never,
      messages: given.messages ?? [{ role: 'user', content }],
      searches,
      maxOutputTokens: 500,
      options,
    },
    targets: [model],
    provider: (target) => providerFor(target, config, ACCESS),
    config,
    signal: new AbortController().signal,
    onDelta: (_, delta) => told.push({ type: 'message.delta', offset: 0, delta }),
    onTool: (event) => told.push(event),
    reserve: () => Promise.reject(new Error('no further call is made')),
    log: () => {},
  })
  return { generation, told, calls: told.filter((event) => event.type === 'tool.call') }
}

const call = (id: string, given: string, index = 0): Step => ({
  call: { id, name: 'weather', arguments: given },
  index,
})
const done = (finish: string): Step[] => [{ finish }, { done: true }]

test("calls of a client's tools come whole and in order after the text, and the run is theirs to go on", async () => {
  const { prompt, calls: asked } = await script([
    { text: 'Let me see. ' },
    call('a', '{"city":"Bern"}'),
    call('b', '{"city":"Chur"}', 1),
    ...done('tool_calls'),
  ])
  const { generation, told } = await ask(prompt, { searches: true })
  expect(generation).toMatchObject({ finish: 'tool_calls', started: true })
  expect(told).toMatchObject([
    { type: 'message.delta', delta: 'Let me see. ' },
    { type: 'tool.call', call_id: 'a', name: 'weather', arguments: '{"city":"Bern"}', executor: 'client' },
    { type: 'tool.call', call_id: 'b', name: 'weather', arguments: '{"city":"Chur"}', executor: 'client' },
  ])
  const sent = (await asked()).map(({ body }) => body as { tools: unknown[] })
  expect(sent.map(({ tools }) => tools)).toEqual([[WEATHER]])
  const made = 'Let me see. '.length + 2 * ('weather'.length + '{"city":"Bern"}'.length)
  expect(generation.uses.map((use) => use.made)).toEqual([made])
})

test('pieces of several calls that come in turns are put together', async () => {
  const piece = (index: number, given: string, head = {}) => ({
    raw: `data: ${JSON.stringify({
      choices: [{ index: 0, delta: { tool_calls: [{ index, ...head, function: { arguments: given, ...head } }] } }],
    })}\n\n`,
  })
  const { prompt } = await script([
    piece(0, '', { id: 'a', name: 'weather' }),
    piece(1, '{"n"', { id: 'b', name: 'time' }),
    ...[...'{"q":1}'].map((letter) => piece(0, letter)),
    piece(1, ':2}'),
    ...done('tool_calls'),
  ])
  const { calls } = await ask(prompt)
  expect(calls.map((event) => [event.call_id, event.name, event.arguments])).toEqual([
    ['a', 'weather', '{"q":1}'],
    ['b', 'time', '{"n":2}'],
  ])
})

test('a server that says stop where it calls, gives no ids, or calls with nothing, is understood', async () => {
  const { prompt } = await script([call('', '{}'), call('x', '', 1), call('x', '{"n":1}', 2), ...done('stop')])
  const { generation, calls } = await ask(prompt)
  expect(generation.finish).toBe('tool_calls')
  expect(new Set(calls.map((event) => event.call_id)).size).toBe(3)
  expect(calls.every((event) => /^\w{1,9}$/.test(event.call_id))).toBe(true)
  expect(calls.map((event) => event.arguments)).toEqual(['{}', '{}', '{"n":1}'])
  const none = await script([{ text: 'No.' }, ...done('tool_calls')])
  expect((await ask(none.prompt)).generation.finish).toBe('stop')
})

test('100 KB of arguments are whole, and more than 256 KiB of all end the run without any call', async () => {
  const long = (length: number) => JSON.stringify({ text: 'x'.repeat(length) })
  const { prompt } = await script([call('a', long(100_000)), call('b', long(100_000), 1), ...done('tool_calls')])
  const { calls } = await ask(prompt)
  expect(calls.map((event) => event.arguments)).toEqual([long(100_000), long(100_000)])
  const over = await script([
    { text: 'x'.repeat(100_000) },
    call('a', long(100_000)),
    call('b', long(100_000), 1),
    ...done('tool_calls'),
  ])
  const ended = await ask(over.prompt)
  expect(ended.generation).toMatchObject({ fault: { code: 'run_too_long' }, started: true })
  expect([ended.generation.finish, ended.calls]).toEqual([undefined, []])
  // Half of a long one is one piece.
  expect(ended.generation.uses[0]!.made).toBeLessThanOrEqual(256 * 1024)
})

test('more calls than anybody answers end the run', async () => {
  const { prompt } = await script([
    ...Array.from({ length: 129 }, (_, at) => call(`c${at}`, '{}', at)),
    ...done('tool_calls'),
  ])
  const { generation, calls } = await ask(prompt)
  expect([generation.fault?.code, calls.length]).toEqual(['run_too_long', 0])
})

test('an answer that was cut off gives no half call', async () => {
  const { prompt } = await script([{ text: 'So' }, call('a', '{"city":"Be'), ...done('length')])
  const { generation, calls } = await ask(prompt)
  expect([generation.finish, calls]).toEqual(['length', []])
  const broken = await script([{ text: 'So' }, call('a', '{"city":"Be'), { end: true }])
  const failed = await ask(broken.prompt)
  expect([failed.generation.fault?.code, failed.calls]).toEqual(['upstream_truncated', []])
})

test('before a word or a whole call was given there may be another try', async () => {
  const { prompt } = await script(
    [call('a', '{"city":"Be'), { end: true }],
    [call('a', '{"city":"Bern"}'), ...done('stop')],
  )
  const { generation, calls } = await ask(prompt)
  expect(calls.map((event) => event.arguments)).toEqual(['{"city":"Bern"}'])
  expect(generation.attempts.map(({ status }) => status)).toEqual(['upstream_truncated', 'ok'])
})

test('parameters go on as they are, but what is ours stays ours', async () => {
  const options = {
    temperature: 0.5,
    response_format: { type: 'json_object' },
    tool_choice: { type: 'function', function: { name: 'weather' } },
    tools: [WEATHER],
    model: 'dearer',
    messages: [],
    stream: false,
    stream_options: {},
    max_tokens: 9_999_999,
    max_completion_tokens: 9_999_999,
    n: 5,
  }
  const { prompt, calls } = await script([{ text: 'Hi' }, ...done('stop')])
  const messages: ChatMessage[] = [
    { role: 'assistant', content: '', verbatim: { role: 'assistant', content: null, tool_calls: [{ id: 'a' }] } },
    { role: 'tool', content: 'warm', callId: 'a', verbatim: { role: 'tool', tool_call_id: 'a', content: 'warm' } },
    {
      role: 'user',
      content: prompt,
      verbatim: { role: 'user', name: 'ada', content: [{ type: 'text', text: prompt }] },
    },
  ]
  await ask(prompt, { options, messages })
  const { model, output_param } = { model: config.MODELS[0]!.id, ...config.MODELS[0]! }
  expect((await calls())[0]!.body).toEqual({
    temperature: 0.5,
    response_format: options.response_format,
    tool_choice: options.tool_choice,
    tools: [WEATHER],
    model,
    messages: messages.map(({ verbatim }) => verbatim),
    stream: true,
    stream_options: { include_usage: true },
    [output_param]: 500,
  })
})

test('an empty list of tools is none: the search of the server is offered', async () => {
  const { prompt, calls } = await script([{ text: 'Hi' }, ...done('stop')])
  await ask(prompt, { options: { tools: [], temperature: 1 }, searches: true })
  expect((await calls())[0]!.body).toMatchObject({ temperature: 1, tools: [{ function: { name: 'web_search' } }] })
})

test('the offline model calls no tools of clients, and reads whatever they gave', async () => {
  const messages: ChatMessage[] = [
    { role: 'user', content: 'search the web for ships' },
    { role: 'tool', content: '12 degrees', callId: 'a' },
  ]
  const { generation, told } = await ask('', { model: 'parley-offline', messages })
  const text = told.map((event) => (event.type === 'message.delta' ? event.delta : '?')).join('')
  expect([generation.finish, text]).toEqual(['stop', 'The tool gave: "12 degrees".'])
})
