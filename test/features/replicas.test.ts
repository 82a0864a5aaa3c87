import { env } from 'cloudflare:workers'
import { expect, test, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { signIn } from '../support/client.ts'

const execution = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext
const opened = vi.spyOn(env.DB, 'withSession')

/** Asks a server that has copies of its database. */
async function ask(user: Awaited<ReturnType<typeof signIn>>, method: string, bookmark?: string, body?: object) {
  const headers = { authorization: `Bearer ${user.tokens.access_token}`, 'content-type': 'application/json' }
  const response = await app.fetch(
    new Request('https://parley.test/api/v1/projects', {
      method,
      body: body && JSON.stringify(body),
      headers: { ...headers, ...(bookmark !== undefined && { 'x-d1-bookmark': bookmark }) },
    }),
    { ...env, D1_READ_REPLICAS: 'on' } as Env,
    execution,
  )
  const seen = response.headers.get('x-d1-bookmark')
  return {
    status: response.status,
    body: await response.json<{ id: string }[]>(),
    seen: seen!,
    begun: opened.mock.lastCall?.[0],
  }
}

test('who sends back what they have seen may read from a copy that is as new; others, and writes, begin at the primary', async () => {
  const ada = await signIn()
  const first = await ask(ada, 'GET')
  expect(first).toMatchObject({ status: 200, body: [], begun: 'first-primary' })
  expect(first.seen).toMatch(/^[0-9a-f-]{59}$/)
  const made = await ask(ada, 'POST', first.seen, { name: 'New' })
  expect(made).toMatchObject({ status: 201, begun: 'first-primary', seen: 'first-primary' })
  const again = await ask(ada, 'GET', made.seen)
  expect(again).toMatchObject({ status: 200, body: [{ name: 'New' }], begun: 'first-primary' })
  expect(again.seen > first.seen).toBe(true)
  expect(await ask(ada, 'GET', again.seen)).toMatchObject({ body: [{ name: 'New' }], begun: again.seen })
})

test('what is no bookmark is none', async () => {
  const ada = await signIn()
  for (const bookmark of ['', 'first-unconstrained', 'x'.repeat(5_000), "' OR 1"]) {
    expect(await ask(ada, 'GET', bookmark)).toMatchObject({ status: 200, begun: 'first-primary' })
  }
})

test('without copies nobody is told of them', async () => {
  const ada = await signIn()
  opened.mockClear()
  expect((await ada('GET', '/projects')).headers.has('x-d1-bookmark')).toBe(false)
  expect(opened).not.toHaveBeenCalled()
})
