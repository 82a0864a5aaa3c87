import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test'
import { expect, test } from 'vitest'
import { AREAS, app, wholeApp } from '../../src/app.ts'
import { createApp } from '../../src/http/create-app.ts'
import { firstSegment } from '../../src/http/paths.ts'

/** Of all routes of these, the middleware of all requests aside. */
const segmentsOf = (routes: { method: string; path: string }[]) => [
  ...new Set(routes.filter(({ path }) => path !== '/*').map(({ path }) => firstSegment(path))),
]

test('an area is asked for by all beginnings of its paths, and by no others', async () => {
  for (const { segments, load } of AREAS) {
    const alone = createApp()
    ;(await load()).mount(alone, wholeApp)
    expect(segmentsOf(alone.routes).sort()).toEqual([...segments].sort())
  }
})

test('a path of an area that nothing was asked of is there at once, for twenty who ask together, and a wrong method is told', async () => {
  const ask = async (method: string, path: string) => {
    const execution = createExecutionContext()
    const response = await app.fetch(new Request(`https://parley.test${path}`, { method }), env, execution)
    await waitOnExecutionContext(execution)
    return response
  }
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('GET', '/v1/models')))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 401))
  const wrong = await ask('DELETE', '/chatbots')
  expect(wrong.status).toBe(405)
  expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST')
  expect((await ask('GET', '/nothing/here')).status).toBe(404)
})
