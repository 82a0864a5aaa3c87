import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openSite, reply, type Site, told } from '../support/site.ts'

let site: Site

beforeAll(async () => {
  site = await openSite()
})
afterEach(() => site.heal())
afterAll(() => site.close())

const ask = (content: string) =>
  told(site.ada, `/api/v1/conversations/${site.conversation}/messages`, { json: { content } })

test('a Runner that cannot be reached in passing is called once more', async () => {
  const { content, calls } = site.script(reply(3))
  await site.fail({ runner: { how: 'down', times: 1 } })
  expect([(await ask(content)).status, calls()]).toEqual([201, 1])
})

test.each(['down', 'overloaded'] as const)(
  'while the Runner is %s a reply is 503 and costs nothing, and the next one is made',
  async (how) => {
    const { content, calls } = site.script(reply(3))
    const used = async () => (await site.ada.ask('/api/v1/user/usage')).body
    const before = await used()
    await site.fail({ runner: { how } })
    const refused = await ask(content)
    expect(refused).toMatchObject({ status: 503, code: 'runner_unavailable', retryAfter: '1' })
    await site.heal()
    await site.recovered()
    expect(calls()).toBe(0)
    const after = await used()
    expect([after.messages, after.tokens]).toEqual([before.messages, before.tokens])
    expect((await ask(content)).status).toBe(201)
  },
)
