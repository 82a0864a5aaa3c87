import { tool } from '@langchain/core/tools'
import { ChatOpenAI, type ChatOpenAIFields } from '@langchain/openai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { reply } from '../../support/fake-openai.ts'
import { allOf, type BotOwner, CUTS, saying, signInWithBot, toolCalls } from '../../support/gateway.ts'
import { until } from '../../support/server-user.ts'
import { parley } from './server.ts'

const modelOf = ({ key }: BotOwner, fields: ChatOpenAIFields = {}, url = parley.url) =>
  new ChatOpenAI({
    model: 'default',
    apiKey: key,
    ...fields,
    configuration: { baseURL: `${url}/v1`, ...fields.configuration },
  })
const USAGE = { input_tokens: 10, output_tokens: 5, total_tokens: 15 }

const weather = tool(({ city }) => `Rain in ${city}`, {
  name: 'get_weather',
  description: 'The weather in a city',
  schema: z.object({ city: z.string() }),
})

test('an answer, whole and in pieces, with what it took', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask } = parley.script(reply(5, 20))
  const answer = await modelOf(ada).invoke(ask)
  expect([answer.content, answer.response_metadata.finish_reason]).toEqual(['w1 w2 w3 w4 w5 ', 'stop'])
  expect(answer.usage_metadata).toMatchObject(USAGE)
  const chunks = await allOf(await modelOf(ada).stream(ask))
  const merged = chunks.reduce((sum, chunk) => sum.concat(chunk))
  expect(chunks.length).toBeGreaterThan(3)
  expect([merged.content, merged.response_metadata.finish_reason]).toEqual(['w1 w2 w3 w4 w5 ', 'stop'])
  expect(merged.usage_metadata).toMatchObject(USAGE)
  expect(await ada.ledger()).toEqual({ runs: 2, calls: 2, output_tokens: 10 })
})

test('calls of tools come back whole, one or several, and their results are taken', async () => {
  const ada = await signInWithBot(parley.url)
  const steps = toolCalls(['get_weather', { city: 'Rome' }], ['get_weather', { city: 'Oslo' }])
  const { ask, calls } = parley.script(steps, steps, saying('Rain everywhere.'))
  const model = modelOf(ada).bindTools([weather], { parallel_tool_calls: true })
  const expected = ['Rome', 'Oslo'].map((city, at) => ({
    name: 'get_weather',
    args: { city },
    id: `call_${at + 1}`,
    type: 'tool_call',
  }))
  const chunks = await allOf(await model.stream(ask))
  expect(chunks.reduce((sum, chunk) => sum.concat(chunk)).tool_calls).toEqual(expected)
  const answer = await model.invoke(ask)
  expect(answer.tool_calls).toEqual(expected)
  const results = await Promise.all(answer.tool_calls!.map((call) => weather.invoke(call)))
  const last = await model.invoke([{ role: 'user', content: ask }, answer, ...results])
  expect(last.content).toBe('Rain everywhere.')
  const { messages } = calls()[2]!.body as { messages: { role: string; content: string }[] }
  expect(messages.slice(-2).map(({ role, content }) => [role, content])).toEqual([
    ['tool', 'Rain in Rome'],
    ['tool', 'Rain in Oslo'],
  ])
})

test.each(['jsonSchema', 'functionCalling'] as const)('structured output by %s', async (method) => {
  const ada = await signInWithBot(parley.url)
  const found = { city: 'Rome', degrees: 21 }
  const { ask } = parley.script(method === 'jsonSchema' ? saying(JSON.stringify(found)) : toolCalls(['weather', found]))
  const shape = z.object({ city: z.string(), degrees: z.number() })
  expect(await modelOf(ada).withStructuredOutput(shape, { name: 'weather', method }).invoke(ask)).toEqual(found)
})

test.each(CUTS)('%s in the middle of an answer throws', async (_, last) => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script([{ tokens: 3 }, last])
  const seen: unknown[] = []
  const streamed = async () => {
    for await (const { content } of await modelOf(ada).stream(ask)) seen.push(content)
  }
  await expect(streamed()).rejects.toMatchObject({ code: 'upstream_truncated' })
  expect(seen.join('')).toBe('w1 w2 w3 ')
  // By itself it would ask six times more: it knows nothing of `x-should-retry`.
  const once = modelOf(ada, { maxRetries: 0 })
  await expect(once.invoke(ask)).rejects.toMatchObject({ status: 502, code: 'upstream_truncated' })
  expect(calls()).toHaveLength(2)
})

test('what cannot be paid is asked for once', async () => {
  const ada = await signInWithBot(parley.url, { key: { monthly_token_cap: 20 } })
  let sent = 0
  const counting: typeof fetch = (...request) => {
    sent++
    return fetch(...request)
  }
  const model = modelOf(ada, { configuration: { fetch: counting } })
  await expect(model.invoke('Hello')).rejects.toMatchObject({ status: 402, code: 'key_limit_reached' })
  expect(sent).toBe(1)
})

// Its own retries do not say that they are some, so it takes a key to know them by.
test('an answer that gets lost is the same one when it is asked for again under its Idempotency-Key', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script(reply(5))
  await parley.network(async (network) => {
    network.loseNextAnswer()
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const answer = await modelOf(ada, {}, network.url).invoke(ask, { options: { headers } })
    expect(answer.content).toBe('w1 w2 w3 w4 w5 ')
  })
  expect(calls()).toHaveLength(1)
  expect(await ada.ledger()).toMatchObject({ runs: 1, calls: 1 })
})

test('who leaves ends the run a moment later', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script([{ tokens: 3 }, { hang: true }])
  const leaving = new AbortController()
  const left = async () => {
    for await (const { content } of await modelOf(ada).stream(ask, { signal: leaving.signal }))
      if (content) leaving.abort()
  }
  await expect(left()).rejects.toThrow(/abort/i)
  await until(8_000, async () => calls()[0]!.closed_by_client)
  await until(5_000, async () => (await ada.ledger()).runs === 1)
})
