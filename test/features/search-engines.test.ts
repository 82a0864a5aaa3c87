import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { searchWeb } from '../../src/ai/web-search/search.ts'
import { configOf } from '../../src/env.ts'
import type { Step } from '../support/fake-openai.ts'
import { script } from '../support/upstream.ts'

const { WEB_SEARCH_URL } = configOf(env)

type Kind = Parameters<typeof searchWeb>[0]['WEB_SEARCH_KIND']

/** What an engine that answers so is asked, and what is made of it. */
async function searchAt(kind: Kind, answer: Step[], settings: object = {}) {
  const web = await script(answer)
  const given = { WEB_SEARCH_KIND: kind, WEB_SEARCH_URL, WEB_SEARCH_KEY: 'the-key', TOOL_MS: 1_000 }
  const query = `${web.prompt} & more?`
  const found = await searchWeb({ ...given, ...settings }, query, new AbortController().signal).catch((error) => error)
  const [call] = await web.calls()
  return { query, found, call: call!, asked: new URL(call!.url, 'http://web').searchParams }
}

const ok = (json: unknown): Step[] => [{ status: 200, json }]
const url = 'https://example.com/a'

test('SearXNG is asked for JSON', async () => {
  const answer = ok({ query: 'x', results: [{ title: 'A', url, content: 'Text', engine: 'e' }], suggestions: [] })
  const { query, found, call, asked } = await searchAt('searxng', answer, {
    WEB_SEARCH_URL: `${WEB_SEARCH_URL}?language=de`,
  })
  expect(Object.fromEntries(asked)).toEqual({ language: 'de', q: query, format: 'json' })
  expect(call.headers).toMatchObject({ accept: 'application/json', authorization: '…-key' })
  expect(found).toEqual([{ title: 'A', url, content: 'Text' }])
})

test('SearXNG without a key is asked without one', async () => {
  const { call } = await searchAt('searxng', ok({ results: [] }), { WEB_SEARCH_KEY: undefined })
  expect(call.headers.authorization).toBe(undefined)
})

test('Brave is asked for five pages without HTML, and calls their text a description', async () => {
  const answer = ok({ type: 'search', web: { type: 'search', results: [{ title: 'A', url, description: 'Text' }] } })
  const { query, found, call, asked } = await searchAt('brave', answer)
  expect(Object.fromEntries(asked)).toEqual({ q: query, count: '5', text_decorations: 'false' })
  expect(call.headers).toMatchObject({ 'x-subscription-token': 'the-key' })
  expect(call.headers.authorization).toBe(undefined)
  expect(found).toEqual([{ title: 'A', url, content: 'Text' }])
})

test('Brave finds nothing', async () => {
  expect((await searchAt('brave', ok({ type: 'search' }))).found).toEqual([])
})

test('Tavily is asked by a body', async () => {
  const answer = ok({ results: [{ title: 'A', url, content: 'Text', score: 0.9 }], response_time: 1 })
  const { query, found, call, asked } = await searchAt('tavily', answer)
  expect([...asked]).toEqual([])
  expect(call.body).toEqual({ query, max_results: 5 })
  expect(call.headers).toMatchObject({ authorization: '…-key', 'content-type': 'application/json' })
  expect(found).toEqual([{ title: 'A', url, content: 'Text' }])
})

const broken: [string, Step[]][] = [
  ['status', [{ status: 429 }]],
  ['status', [{ status: 307, headers: { location: '/search' } }]],
  ['too_large', [{ raw: 'x'.repeat(1024 * 1024 + 1) }]],
  ['garbled', [{ status: 200, body: '{"results"' }]],
  ['garbled', ok([])],
  ['garbled', ok({ results: 'none', web: 'none' })],
  ['timeout', [{ wait: 1_500 }, ...ok({ results: [] })]],
  ['timeout', [{ raw: '{"results":' }, { hang: true }]],
  ['unreachable', [{ reset: true }]],
]

test.concurrent.for(broken)('a fault is a fault with each of them: %s', async ([reason, answer], { expect }) => {
  const faults = await Promise.all((['searxng', 'brave', 'tavily'] as const).map((kind) => searchAt(kind, answer)))
  expect(faults.map(({ found }) => found.reason)).toEqual([reason, reason, reason])
})

test('pages without a title are called by their host, and long ones are cut', async () => {
  const results = [{ url }, { url: `${url}b`, title: `${'x'.repeat(299)}😀` }, { url: `${url}${'c'.repeat(2_048)}` }]
  const { found } = await searchAt('searxng', ok({ results }))
  expect(found).toEqual([
    { title: 'example.com', url, content: '' },
    { title: 'x'.repeat(299), url: `${url}b`, content: '' },
  ])
})
