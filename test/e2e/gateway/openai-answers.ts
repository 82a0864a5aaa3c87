import type OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { reply } from '../../support/fake-openai.ts'
import { allOf, asking, type BotOwner, saying, signInWithBot, textOfChunks, toolCalls } from '../../support/gateway.ts'
import { OPENAI_MAJORS } from '../../support/openai-majors.ts'
import { parley } from './server.ts'

// The SDK as it comes: a base URL and a key are all that it is given.
const user = (content: string) => ({ role: 'user' as const, content })
const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

describe.each(OPENAI_MAJORS)('$name', ({ OpenAI: Client, zodResponseFormat }) => {
  const clientOf = (owner: BotOwner, options: ConstructorParameters<typeof OpenAI>[0] = {}) =>
    new Client({ baseURL: `${parley.url}/v1`, apiKey: owner.key, ...options })

  test('a key sees its chatbot and the models that it was given, and no others', async () => {
    const owner = await signInWithBot(parley.url, { key: { models: ['gpt-4o-mini'] } })
    const stranger = await signInWithBot(parley.url)
    const client = clientOf(owner)
    const models = await allOf(client.models.list())
    expect(models.map(({ id, object }) => [id, object])).toEqual([
      [owner.chatbotId, 'model'],
      ['gpt-4o-mini', 'model'],
    ])
    expect(await client.models.retrieve(owner.chatbotId)).toMatchObject({ id: owner.chatbotId, object: 'model' })
    for (const hidden of [stranger.chatbotId, 'gpt-4.1', 'no-such-model']) {
      const refused = await client.models.retrieve(hidden).catch((error) => error)
      expect(refused).toBeInstanceOf(Client.NotFoundError)
      expect(refused).toMatchObject({ code: 'model_not_found', requestID: expect.any(String) })
    }
  })

  test('an answer by each of the three kinds of names, with the instructions of the chatbot first', async () => {
    const owner = await signInWithBot(parley.url, {
      chatbot: { instructions: 'Speak like a sailor.' },
      key: { models: ['gpt-4o-mini'] },
    })
    for (const model of [owner.chatbotId, 'default', 'gpt-4o-mini']) {
      const { ask, calls } = parley.script(reply(5))
      const messages = [{ role: 'system' as const, content: 'Be brief.' }, user(ask)]
      const answer = await clientOf(owner).chat.completions.create({ model, messages, temperature: 0.5 })
      expect(answer).toMatchObject({
        id: expect.stringMatching(/^chatcmpl-/),
        object: 'chat.completion',
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'w1 w2 w3 w4 w5 ' } }],
        usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
        _request_id: expect.any(String),
      })
      const [call] = calls() as unknown as [{ body: OpenAI.ChatCompletionCreateParams }]
      const sent = call.body.messages.map(({ content }) => content).join('\n')
      expect(call.body).toMatchObject({ temperature: 0.5, stream: true })
      expect(sent.includes('sailor')).toBe(model !== 'gpt-4o-mini')
      expect(sent.indexOf('sailor')).toBeLessThan(sent.indexOf('Be brief.'))
    }
    expect(await owner.ledger()).toEqual({ runs: 3, calls: 3, output_tokens: 15 })
  })

  test('a stream: one id, the role first, a finish reason last, and usage only for those who ask', async () => {
    const owner = await signInWithBot(parley.url)
    const { ask } = parley.script(reply(5, 20))
    const body = { ...asking(ask), stream: true as const }
    const { data: stream, response, request_id } = await clientOf(owner).chat.completions.create(body).withResponse()
    const chunks = await allOf(stream)
    expect(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1)
    expect(chunks[0]!.choices[0]!.delta).toMatchObject({ role: 'assistant', content: '' })
    expect(textOfChunks(chunks)).toBe('w1 w2 w3 w4 w5 ')
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe('stop')
    expect(chunks.filter(({ choices }) => choices[0]!.finish_reason !== null)).toHaveLength(1)
    expect(chunks.filter(({ usage }) => usage)).toEqual([])
    expect(request_id).toBe(response.headers.get('x-request-id'))
    expect(chunks[0]!.id).toBe(`chatcmpl-${response.headers.get('x-run-id')}`)
    for (const name of ['x-quota-remaining-tokens', 'x-ratelimit-remaining-requests', 'ratelimit']) {
      expect([name, response.headers.get(name)]).toEqual([name, expect.any(String)])
    }

    const told = await clientOf(owner).chat.completions.create({ ...body, stream_options: { include_usage: true } })
    const last = (await allOf(told)).at(-1)
    expect(last).toMatchObject({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } })
    const helper = clientOf(owner).chat.completions.stream({ ...body, stream_options: { include_usage: true } })
    expect(await helper.finalContent()).toBe('w1 w2 w3 w4 w5 ')
    expect((await helper.totalUsage()).total_tokens).toBe(15)
  })

  test.each([false, true])('tools are passed on and their calls come back whole (stream: %s)', async (stream) => {
    const owner = await signInWithBot(parley.url)
    const two = toolCalls(['get_weather', { city: 'Rome' }], ['get_weather', { city: 'Oslo' }])
    for (const [steps, cities] of [
      [toolCalls(['get_weather', { city: 'Rome' }]), ['Rome']],
      [two, ['Rome', 'Oslo']],
    ] as const) {
      const { ask, calls } = parley.script(steps)
      const body = { ...asking(ask), tools: [WEATHER], parallel_tool_calls: true }
      const client = clientOf(owner)
      const answer = stream
        ? await client.chat.completions.stream(body).finalChatCompletion()
        : await client.chat.completions.create(body)
      const [choice] = answer.choices
      expect(choice).toMatchObject({ finish_reason: 'tool_calls' })
      const named = choice!.message.tool_calls!.map((call) => (call.type === 'function' ? call.function : undefined))
      expect(named).toEqual(
        cities.map((city) => expect.objectContaining({ name: 'get_weather', arguments: JSON.stringify({ city }) })),
      )
      expect(choice!.message.tool_calls!.map(({ id }) => id)).toEqual(cities.map((_, at) => `call_${at + 1}`))
      expect(calls()[0]!.body).toMatchObject({ tools: [WEATHER], parallel_tool_calls: true })
    }
  })

  test('runTools calls the function and ends with the answer', async () => {
    const owner = await signInWithBot(parley.url)
    const { ask, calls } = parley.script(toolCalls(['get_weather', { city: 'Rome' }]), saying('It rains in Rome.'))
    const asked: string[] = []
    const rain = (args: string) => {
      asked.push(JSON.parse(args).city)
      return 'rain'
    }
    const tools = [{ ...WEATHER, function: { ...WEATHER.function, function: rain } }]
    const runner = clientOf(owner).chat.completions.runTools({ ...asking(ask), tools })
    expect(await runner.finalContent()).toBe('It rains in Rome.')
    expect(asked).toEqual(['Rome'])
    const last = calls()[1]!.body as OpenAI.ChatCompletionCreateParams
    expect(last.messages.slice(-2)).toMatchObject([
      { role: 'assistant', tool_calls: [{ id: 'call_1', function: { name: 'get_weather' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
    ])
    expect(await owner.ledger()).toMatchObject({ runs: 2, calls: 2 })
  })

  test('structured output is asked for, and parsed', async () => {
    const owner = await signInWithBot(parley.url)
    const { ask, calls } = parley.script(saying('{"city":"Rome","degrees":21}'))
    const format = zodResponseFormat(z.object({ city: z.string(), degrees: z.number() }), 'weather')
    const body = { ...asking(ask), response_format: format }
    const answer = await clientOf(owner).chat.completions.parse(body)
    expect(answer.choices[0]!.message.parsed).toEqual({ city: 'Rome', degrees: 21 })
    expect(calls()[0]!.body).toMatchObject({ response_format: { type: 'json_schema' } })
  })

  const failureOf = async (client: OpenAI, body: object, headers?: Record<string, string>) =>
    client.chat.completions
      .create({ ...asking('Hi'), ...body } as OpenAI.ChatCompletionCreateParams, { headers })
      .then(() => 'no error')
      .catch((error) => error)

  test('each refusal has the class, code and parameter of its kind, and an id', async () => {
    const owner = await signInWithBot(parley.url)
    const revoked = await owner.newKey()
    await owner.open(`/chatbots/${owner.chatbotId}/api-keys/${revoked.id}/revoke`, { method: 'POST' })
    const spent = await owner.newKey({ monthly_token_cap: 20 })
    const page = { kind: 'pk', scopes: ['chat:public'], allowed_origins: ['https://shop.example.com'] }
    const open = await owner.newKey(page)
    const origin = { origin: 'https://shop.example.com' }
    const stranger = await signInWithBot(parley.url)
    const large = { messages: [user('x'.repeat(9 * 1024 * 1024))] }
    const key = (apiKey: string) => clientOf(owner, { apiKey })
    const fine = clientOf(owner)
    const cases: [failure: Promise<unknown>, kind: unknown, status: number, code: string, param?: string | null][] = [
      [failureOf(key('parley_sk_nonsense'), {}), Client.AuthenticationError, 401, 'invalid_api_key'],
      [failureOf(key(revoked.key), {}), Client.AuthenticationError, 401, 'revoked_api_key'],
      [failureOf(key(spent.key), {}), Client.APIError, 402, 'key_limit_reached'],
      [failureOf(key(open.key), {}), Client.PermissionDeniedError, 403, 'origin_not_allowed'],
      [failureOf(fine, { model: stranger.chatbotId }), Client.NotFoundError, 404, 'model_not_found'],
      [failureOf(fine, { model: 'gpt-4o-mini' }), Client.NotFoundError, 404, 'model_not_found'],
      [failureOf(fine, { temperature: 9 }), Client.BadRequestError, 400, 'invalid_value', 'temperature'],
      [failureOf(fine, { colour: 'red' }), Client.BadRequestError, 400, 'unknown_parameter', 'colour'],
      [failureOf(fine, { n: 2 }), Client.BadRequestError, 400, 'unsupported_parameter', 'n'],
      [failureOf(fine, { logprobs: true }), Client.BadRequestError, 400, 'unsupported_parameter', 'logprobs'],
      [failureOf(key(open.key), { tools: [WEATHER] }, origin), Client.BadRequestError, 400, 'unsupported_parameter'],
      [failureOf(fine, large), Client.APIError, 413, 'request_too_large'],
    ]
    for (const [failure, kind, status, code, param] of cases) {
      const error = await failure
      expect(error).toMatchObject({ status, code, requestID: expect.any(String), type: expect.any(String) })
      expect(error).toBeInstanceOf(kind)
      if (param !== undefined) expect(error).toMatchObject({ param })
    }
    const system = { messages: [{ role: 'system', content: 'Obey.' }, user('Hi')] }
    expect(await failureOf(key(open.key), system, origin)).toMatchObject({ status: 400, code: 'role_not_allowed' })
    // No row for a refusal, whoever refused.
    expect(await owner.ledger()).toEqual({ runs: 0, calls: 0, output_tokens: 0 })
  })

  test('more at once than the plan allows is 429, which says when to come again', async () => {
    const owner = await signInWithBot(parley.url, { plan: 'free' })
    const { ask, calls } = parley.script([{ tokens: 1 }, { hang: true }])
    const client = clientOf(owner, { maxRetries: 0 })
    const body = { ...asking(ask), stream: true as const }
    const open = [await client.chat.completions.create(body), await client.chat.completions.create(body)]
    const error = await failureOf(client, {})
    expect(error).toBeInstanceOf(Client.RateLimitError)
    expect(error).toMatchObject({ status: 429, code: 'too_many_runs', type: 'rate_limit_error' })
    expect(error.headers.get('retry-after')).toBe('2')
    expect(error.headers.get('retry-after-ms')).toBe('2000')
    for (const stream of open) stream.controller.abort()
    expect(calls()).toHaveLength(2)
  })

  test('what the provider refuses is told in its own words, and nothing is paid for it', async () => {
    const owner = await signInWithBot(parley.url)
    const json = { error: { message: 'A tool needs a name', type: 'invalid_request_error' } }
    const { ask } = parley.script([{ status: 400, json }])
    const error = await failureOf(clientOf(owner), { messages: [user(ask)] })
    expect(error).toBeInstanceOf(Client.BadRequestError)
    expect(error.message).toContain('A tool needs a name')
    expect(await owner.ledger()).toMatchObject({ runs: 1, output_tokens: 0 })
  })
})
