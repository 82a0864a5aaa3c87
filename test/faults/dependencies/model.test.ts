import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Step } from '../../support/fake-openai.ts'
import { openSite, reply, type Site, told } from '../support/site.ts'

// The server of the model has 1.5 s for its headers, its first token and each further one, and is asked twice.
const WAIT_MS = 1_500
/** Beside its waits: the pause between two tries, and all that is done here. */
const REST_MS = 3_000

let site: Site
/** Replies at once are in conversations of their own. */
let another: string

beforeAll(async () => {
  site = await openSite()
  another = (await site.ada.ask('/api/v1/conversations', { json: {} })).body.id
})
afterAll(() => site.close())

const OF = { error: { message: 'x', type: 'server_error', code: null } }
const [half] = [{ tokens: 3 }] as Step[]

/** How it fails, with what, and in how many of its waits; with content the run keeps what came. */
const FAULTS: [how: string, steps: Step[], status: number, code: string, waits: number, partial?: true][] = [
  ['refuses our key', [{ status: 401, json: OF }], 502, 'upstream_auth', 0],
  ['is too busy', [{ status: 429, headers: { 'retry-after': '1' }, json: OF }], 503, 'upstream_busy', 1],
  ['fails', [{ status: 500, json: OF }], 502, 'upstream_error', 0],
  ['does not know what was asked', [{ status: 400, json: OF }], 502, 'upstream_rejected', 0],
  ['hangs up', [{ reset: true }], 502, 'upstream_error', 0],
  ['sends no headers', [{ hang: true }], 504, 'upstream_timeout', 2],
  ['sends headers and nothing else', [{ raw: '' }, { hang: true }], 504, 'upstream_timeout', 1],
  ['answers with a page', [{ status: 200, body: '<html>', content_type: 'text/html' }], 502, 'upstream_garbled', 0],
  ['answers nonsense', [{ raw: 'data: {"choices": nonsense\n\n' }], 502, 'upstream_garbled', 0],
  ['ends before it began', [{ raw: '' }, { end: true }], 502, 'upstream_truncated', 0],
  ['tells an error first', [{ error: { message: 'x', code: 'server_error' } }], 502, 'upstream_error', 0],
  ['falls silent', [half!, { hang: true }], 502, 'upstream_stalled', 1, true],
  ['breaks off', [half!, { reset: true }], 502, 'upstream_truncated', 0, true],
  ['ends without a reason', [half!, { done: true }], 502, 'upstream_truncated', 0, true],
  ['begins to answer nonsense', [half!, { raw: 'data: {nonsense\n\n' }], 502, 'upstream_garbled', 0, true],
]

test.each(FAULTS)(
  'when the server of the model %s, all three ways of asking say so, in time',
  async (_, steps, status, code, waits, partial) => {
    const { ada, gateway, conversation } = site
    const content = () => site.script(steps).content
    const ask = (id: string, more: object) =>
      told(ada, `/api/v1/conversations/${id}/messages`, { json: { content: content(), ...more } })
    const messages = [{ role: 'user', content: content() }]
    const answers = await Promise.all([
      ask(conversation, {}),
      ask(another, { stream: true }),
      told(gateway, '/v1/chat/completions', { json: { model: 'default', messages } }),
    ])
    const [whole, stream, completion] = answers
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(waits * WAIT_MS + REST_MS)
    expect(whole).toMatchObject({ status, code })
    expect(whole.body.partial).toBe(partial)
    expect(stream.status).toBe(200)
    const events: string[] = stream.body.split('\n\n').filter((frame: string) => frame.startsWith('id:'))
    expect(events.at(-1)).toMatch(new RegExp(`event: run\\.failed\\ndata: .*"code":"${code}"`))
    expect(events.some((event) => event.includes('event: message.delta'))).toBe(partial === true)
    // There the client wrote the request, and hears that it is wrong.
    if (code !== 'upstream_rejected') expect(completion).toMatchObject({ status, code })
    else expect(completion.status).toBe(400)
    await site.recovered()
  },
)

test('while the server of the model is gone replies fail and cost nothing, and are made again when it is back', async () => {
  const { ada, conversation } = site
  const ask = () => told(ada, `/api/v1/conversations/${conversation}/messages`, { json: { content: 'Hello' } })
  const used = async () => (await ada.ask('/api/v1/user/usage')).body.tokens
  const before = await used()
  await site.stopModel()
  const refused = await ask()
  expect(refused).toMatchObject({ status: 502, code: 'upstream_error' })
  expect(refused.ms).toBeLessThan(REST_MS)
  expect(await used()).toEqual(before)
  await site.startModel()
  expect(await ask()).toMatchObject({ status: 201 })
})

test('what fails before it has said anything is tried again, and nobody sees it', async () => {
  const { content, calls } = site.script([{ status: 500, json: OF }], reply(3))
  const answer = await told(site.ada, `/api/v1/conversations/${site.conversation}/messages`, { json: { content } })
  expect([answer.status, answer.body.content, calls()]).toEqual([201, 'w1 w2 w3 ', 2])
})
