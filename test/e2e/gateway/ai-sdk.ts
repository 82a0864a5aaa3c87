import { createOpenAICompatible, type OpenAICompatibleProviderSettings } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, isStepCount, Output, RetryError, streamText, tool } from 'ai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { reply } from '../../support/fake-openai.ts'
import { allOf, type BotOwner, CUTS, saying, signInWithBot, toolCalls } from '../../support/gateway.ts'
import { until } from '../../support/server-user.ts'
import { parley } from './server.ts'

const providerOf = ({ key }: BotOwner, more: Partial<OpenAICompatibleProviderSettings> = {}) =>
  createOpenAICompatible({
    name: 'parley',
    baseURL: `${parley.url}/v1`,
    apiKey: key,
    includeUsage: true,
    supportsStructuredOutputs: true,
    ...more,
  })
const modelOf = (owner: BotOwner, more: Partial<OpenAICompatibleProviderSettings> = {}) =>
  providerOf(owner, more)('default')
const USAGE = { inputTokens: 10, outputTokens: 5, totalTokens: 15 }
const silent = () => {}

test('an answer, whole and in pieces, with what it took', async () => {
  const ada = await signInWithBot(parley.url, { chatbot: { instructions: 'Speak like a sailor.' } })
  const { ask, calls } = parley.script(reply(5, 20))
  const instructions = 'Be brief.'
  const answer = await generateText({ model: modelOf(ada), instructions, prompt: ask, maxOutputTokens: 50 })
  expect([answer.text, answer.finishReason]).toEqual(['w1 w2 w3 w4 w5 ', 'stop'])
  expect(answer.usage).toMatchObject(USAGE)
  const { messages } = calls()[0]!.body as { messages: { content: string }[] }
  expect(messages.map(({ content }) => content).join('\n')).toMatch(/sailor[\s\S]*Be brief/)

  const stream = streamText({ model: modelOf(ada), prompt: ask })
  const pieces = await allOf(stream.textStream)
  expect(pieces.length).toBeGreaterThan(3)
  expect([pieces.join(''), await stream.finishReason]).toEqual(['w1 w2 w3 w4 w5 ', 'stop'])
  expect(await stream.usage).toMatchObject(USAGE)
  expect(await ada.ledger()).toEqual({ runs: 2, calls: 2, output_tokens: 10 })
})

test.each(['generateText', 'streamText'])('tools are called and their results taken by %s', async (how) => {
  const ada = await signInWithBot(parley.url)
  const cities = ['Rome', 'Oslo']
  const { ask } = parley.script(
    toolCalls(...cities.map((city): [string, object] => ['weather', { city }])),
    saying('Rain everywhere.'),
  )
  const asked: string[] = []
  const weather = tool({
    description: 'The weather in a city',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city)
      return { sky: 'rain' }
    },
  })
  const request = { model: modelOf(ada), prompt: ask, tools: { weather }, stopWhen: isStepCount(3) }
  const answer = how === 'generateText' ? await generateText(request) : streamText(request)
  expect(await answer.text).toBe('Rain everywhere.')
  expect(asked.toSorted()).toEqual(cities.toSorted())
  expect((await answer.steps).map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop'])
  expect(await ada.ledger()).toMatchObject({ runs: 2, calls: 2 })
})

test('an object is asked for by its schema', async () => {
  const ada = await signInWithBot(parley.url)
  const found = { city: 'Rome', degrees: 21 }
  const { ask, calls } = parley.script(saying(JSON.stringify(found)))
  const schema = z.object({ city: z.string(), degrees: z.number() })
  const answer = await generateText({ model: modelOf(ada), prompt: ask, output: Output.object({ schema }) })
  expect(answer.output).toEqual(found)
  expect(calls()[0]!.body).toMatchObject({ response_format: { type: 'json_schema' } })
})

test('what cannot be paid is asked for once', async () => {
  const ada = await signInWithBot(parley.url, { key: { monthly_token_cap: 20 } })
  let sent = 0
  const counting: typeof fetch = (...request) => {
    sent++
    return fetch(...request)
  }
  const model = modelOf(ada, { fetch: counting })
  const error = await generateText({ model, prompt: 'Hello' }).catch((error) => error)
  expect(error).toBeInstanceOf(APICallError)
  expect(error).toMatchObject({ statusCode: 402, isRetryable: false })
  expect(JSON.parse(error.responseBody).error).toMatchObject({ code: 'key_limit_reached', type: 'insufficient_quota' })
  expect(sent).toBe(1)

  const stream = streamText({ model, prompt: 'Hello', onError: silent })
  expect((await allOf(stream.fullStream)).find(({ type }) => type === 'error')).toMatchObject({
    error: { statusCode: 402 },
  })
  expect(sent).toBe(2)
})

test.each(CUTS)('%s in the middle of an answer is an error', async (_, last) => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script([{ tokens: 3 }, last])
  const stream = streamText({ model: modelOf(ada), prompt: ask, onError: silent })
  const parts = await allOf(stream.fullStream)
  expect(parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('')).toBe('w1 w2 w3 ')
  expect(parts.filter(({ type }) => type === 'error')).toHaveLength(1)
  expect(await stream.finishReason).toBe('error')
  const error = await generateText({ model: modelOf(ada), prompt: ask, maxRetries: 0 }).catch((error) => error)
  expect(error).toBeInstanceOf(APICallError)
  expect(error).toMatchObject({ statusCode: 502 })
  expect(calls()).toHaveLength(2)
})

// It asks three times for what may come right, and does not say so: it takes a key to know them by.
test('with an Idempotency-Key an answer that breaks off is one run, however often it is asked for', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script([{ tokens: 3 }, { reset: true }])
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const error = await generateText({ model: modelOf(ada), prompt: ask, headers }).catch((error) => error)
  expect(error).toBeInstanceOf(RetryError)
  expect(error.errors).toHaveLength(3)
  expect(calls()).toHaveLength(1)
  expect(await ada.ledger()).toMatchObject({ runs: 1, calls: 1 })
})

test('who leaves ends the run a moment later', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script([{ tokens: 3 }, { hang: true }])
  const leaving = new AbortController()
  const stream = streamText({ model: modelOf(ada), prompt: ask, abortSignal: leaving.signal, onError: silent })
  const parts: string[] = []
  for await (const part of stream.fullStream) {
    parts.push(part.type)
    if (part.type === 'text-delta') leaving.abort()
  }
  expect(parts).toContain('abort')
  await until(8_000, async () => calls()[0]!.closed_by_client)
  await until(5_000, async () => (await ada.ledger()).runs === 1)
})
