import type OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { reply } from '../../support/fake-openai.ts'
import { allOf, asking, type BotOwner, CUTS, signInWithBot, textOfChunks } from '../../support/gateway.ts'
import { OPENAI_MAJORS } from '../../support/openai-majors.ts'
import { until } from '../../support/server-user.ts'
import { JSON_WAIT_MS, parley } from './server.ts'

// What the SDK does by itself when something breaks: it asks again. One send stays one call of the model and one bill.
const ONCE = { runs: 1, calls: 1 }
describe.each(OPENAI_MAJORS)('$name', ({ OpenAI: Client }) => {
  const clientOf = (owner: BotOwner, options: ConstructorParameters<typeof OpenAI>[0] = {}) =>
    new Client({ baseURL: `${parley.url}/v1`, apiKey: owner.key, ...options })
  const textOf = async (client: OpenAI, ask: string, stream: boolean) => {
    if (!stream) return (await client.chat.completions.create(asking(ask))).choices[0]!.message.content
    return textOfChunks(await allOf(await client.chat.completions.create({ ...asking(ask), stream: true })))
  }

  test.each([false, true])(
    'an answer that gets lost on the way is asked for again, and is the same one (stream: %s)',
    async (stream) => {
      const owner = await signInWithBot(parley.url)
      const { ask, calls } = parley.script(reply(5, 20))
      await parley.network(async (network) => {
        network.loseNextAnswer()
        const client = clientOf(owner, { baseURL: `${network.url}/v1` })
        expect(await textOf(client, ask, stream)).toBe('w1 w2 w3 w4 w5 ')
      })
      expect(calls()).toHaveLength(1)
      expect(await owner.ledger()).toMatchObject(ONCE)
    },
  )

  test('a connection that breaks, or a wait that gets too long, while the model is writing', async () => {
    const owner = await signInWithBot(parley.url)
    const [broken, late] = [parley.script(reply(8, 150)), parley.script(reply(8, 500))]
    const waited = textOf(clientOf(owner, { timeout: 2_500 }), late.ask, false)
    await parley.network(async (network) => {
      const answer = textOf(clientOf(owner, { baseURL: `${network.url}/v1` }), broken.ask, false)
      await until(5_000, async () => broken.calls().length === 1)
      network.cut()
      expect(await answer).toBe('w1 w2 w3 w4 w5 w6 w7 w8 ')
    })
    expect(await waited).toBe('w1 w2 w3 w4 w5 w6 w7 w8 ')
    expect([broken.calls().length, late.calls().length]).toEqual([1, 1])
    expect(await owner.ledger()).toMatchObject({ runs: 2, calls: 2 })
  })

  test('an answer that takes longer than a request may wait is fetched by the next', async () => {
    const owner = await signInWithBot(parley.url)
    const { ask, calls } = parley.script([{ wait: JSON_WAIT_MS + 500 }, ...reply(3)])
    expect(await textOf(clientOf(owner), ask, false)).toBe('w1 w2 w3 ')
    expect(calls()).toHaveLength(1)
    expect(await owner.ledger()).toMatchObject(ONCE)

    const impatient = clientOf(owner, { maxRetries: 0 })
    const error = await impatient.chat.completions.create(asking(ask)).catch((error) => error)
    expect(error).toBeInstanceOf(Client.InternalServerError)
    expect(error).toMatchObject({ status: 503, code: 'run_in_progress' })
    expect(error.headers.get('retry-after')).toBe('1')
    // Sent by hand it is no retry, and so a run of its own.
    expect(calls()).toHaveLength(2)
  })

  test('a failure before the first word is tried again, and costs nothing', async () => {
    const owner = await signInWithBot(parley.url)
    const { ask, calls } = parley.script([{ status: 500 }], reply(3))
    expect(await textOf(clientOf(owner), ask, false)).toBe('w1 w2 w3 ')
    expect(calls()).toHaveLength(2)
    expect(await owner.ledger()).toEqual({ runs: 2, calls: 2, output_tokens: 3 })
  })

  test.each(CUTS)('%s in the middle of an answer throws, and is not paid twice', async (_, last) => {
    const owner = await signInWithBot(parley.url)
    const { ask, calls } = parley.script([{ tokens: 3 }, last])
    const client = clientOf(owner)
    const seen: string[] = []
    const streamed = async () => {
      for await (const chunk of await client.chat.completions.create({ ...asking(ask), stream: true })) {
        seen.push(chunk.choices[0]?.delta.content ?? '')
        expect(chunk.choices[0]?.finish_reason ?? null).toBe(null)
      }
    }
    const cut = await streamed().catch((error) => error)
    expect(cut).toBeInstanceOf(Client.APIError)
    expect(cut).toMatchObject({ code: 'upstream_truncated', type: 'server_error' })
    expect(seen.join('')).toBe('w1 w2 w3 ')
    expect(calls()).toHaveLength(1)

    const whole = await client.chat.completions.create(asking(ask)).catch((error) => error)
    expect(whole).toBeInstanceOf(Client.InternalServerError)
    expect(whole).toMatchObject({ status: 502, code: 'upstream_truncated' })
    expect(whole.headers.get('x-should-retry')).toBe('false')
    expect(calls()).toHaveLength(2)
    expect(await owner.ledger()).toMatchObject({ runs: 2, calls: 2 })
  })

  test('an Idempotency-Key makes two sends one run, in either form', async () => {
    const owner = await signInWithBot(parley.url)
    const { ask, calls } = parley.script(reply(4))
    const client = clientOf(owner)
    const options = { headers: { 'Idempotency-Key': crypto.randomUUID() } }
    const first = await client.chat.completions.create(asking(ask), options)
    const { data: second, response } = await client.chat.completions.create(asking(ask), options).withResponse()
    expect([second.id, second.choices]).toEqual([first.id, first.choices])
    expect(response.headers.get('idempotency-replayed')).toBe('true')
    const stream = await client.chat.completions.create({ ...asking(ask), stream: true }, options)
    const chunks = await allOf(stream)
    expect(textOfChunks(chunks)).toBe('w1 w2 w3 w4 ')
    expect(chunks[0]!.id).toBe(first.id)
    const other = await client.chat.completions.create(asking('Another'), options).catch((error) => error)
    expect(other).toBeInstanceOf(Client.UnprocessableEntityError)
    expect(other).toMatchObject({ code: 'idempotency_key_reused' })
    expect(calls()).toHaveLength(1)
    expect(await owner.ledger()).toMatchObject(ONCE)
  })

  test.each([
    [undefined, 8_000],
    [false, 3_000],
  ])('who leaves ends the run and the call of the model with it (store: %s, within %d ms)', async (store, withinMs) => {
    const owner = await signInWithBot(parley.url)
    const { ask, calls } = parley.script([{ tokens: 3 }, { hang: true }])
    const stream = await clientOf(owner).chat.completions.create({ ...asking(ask), stream: true, store })
    let id = ''
    for await (const chunk of stream) {
      id = chunk.id
      if (chunk.choices[0]?.delta.content) break
    }
    await until(withinMs, async () => calls()[0]!.closed_by_client)
    const run = await owner.runThatIs('cancelled', id)
    expect(run).toMatchObject({ kind: 'gateway', cancel_reason: 'client_gone' })
    expect(await owner.ledger()).toMatchObject(ONCE)
  })

  test('with store: true an answer is written to its end, and can be fetched', async () => {
    const owner = await signInWithBot(parley.url)
    // Longer than a run is kept that nobody watches.
    const { ask, calls } = parley.script(reply(40, 100))
    const client = clientOf(owner)
    const stream = await client.chat.completions.create({ ...asking(ask), stream: true, store: true })
    let id = ''
    for await (const chunk of stream) {
      id = chunk.id
      if (chunk.choices[0]?.delta.content) break
    }
    const early = await client.chat.completions.retrieve(id, { maxRetries: 0 }).catch((error) => error)
    expect(early).toBeInstanceOf(Client.ConflictError)
    expect(early).toMatchObject({ code: 'run_in_progress' })
    await owner.runThatIs('completed', id)
    const answer = await client.chat.completions.retrieve(id)
    expect(answer).toMatchObject({ id, object: 'chat.completion', usage: { completion_tokens: 40 } })
    expect(answer.choices[0]!.message.content!.trim().split(' ')).toHaveLength(40)
    expect(calls()[0]!.closed_by_client).toBe(false)
    const stranger = await signInWithBot(parley.url)
    const hidden = await clientOf(stranger)
      .chat.completions.retrieve(id)
      .catch((error) => error)
    expect(hidden).toMatchObject({ status: 404, code: 'run_not_found' })
  })
})
