import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Fault } from '../support/faults.ts'
import { openSite, type Site, told } from '../support/site.ts'

const USUAL_MS = 5_000

let site: Site

beforeAll(async () => {
  site = await openSite()
})
afterEach(() => site.heal())
afterAll(() => site.close())

test.each<[string, Fault]>([
  ['down', { how: 'down' }],
  ['overloaded', { how: 'overloaded' }],
  ['silent', { how: 'silent' }],
])('while KV is %s service is as usual', async (_, kv) => {
  const { ada, visitor, gateway, conversation } = site
  await site.fail({ kv })
  for (let nth = 0; nth < 5; nth++) {
    const answers = [
      await told(ada, '/api/v1/conversations'),
      await told(ada, `/api/v1/conversations/${conversation}/messages`, { json: { content: 'Hello' } }),
      await told(gateway, '/v1/chat/completions', {
        json: { model: 'default', messages: [{ role: 'user', content: 'Hello' }] },
      }),
      await told(visitor, '/api/v1/auth/login', { json: { username: 'ada', password: 'correct-horse-battery' } }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 201, 200, 200])
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(USUAL_MS)
  }
  await site.recovered()
})
