import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { EventSource } from 'eventsource'
import { afterAll, expect, test } from 'vitest'
import { readEvents, type SseEvent } from '../../../scripts/sse.ts'
import { reply } from '../../support/fake-openai.ts'
import { allOf, asking, type BotOwner, signInWithBot } from '../../support/gateway.ts'
import { until } from '../../support/server-user.ts'
import { parley } from './server.ts'

// What no SDK does: to go on with a stream that broke, and to see what a key may do without one. And what docs/gateway.md shows.
const folder = mkdtempSync(join(tmpdir(), 'parley-docs-'))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

type More = { body?: object; headers?: Record<string, string>; key?: string; signal?: AbortSignal }

const post = (owner: BotOwner, ask: string, { body, headers, key = owner.key, signal }: More = {}) =>
  fetch(`${parley.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ...asking(ask), stream: true, ...body }),
    signal,
  })
const completionUrl = (response: Response, url = parley.url) =>
  `${url}/v1/chat/completions/chatcmpl-${response.headers.get('x-run-id')}`
const resume = (owner: BotOwner, url: string, after?: string) =>
  fetch(url, {
    headers: {
      authorization: `Bearer ${owner.key}`,
      accept: 'text/event-stream',
      ...(after && { 'last-event-id': after }),
    },
  })

/** The frames up to the next one that can be gone on from; then the connection is closed. */
async function firstPart(response: Response): Promise<SseEvent[]> {
  const frames: SseEvent[] = []
  for await (const frame of readEvents(response.body!)) {
    frames.push(frame)
    if (frame.id !== undefined) break
  }
  return frames
}

const textOf = (frames: SseEvent[]) =>
  frames
    .filter(({ data }) => data !== '[DONE]')
    .map(({ data }) => JSON.parse(data).choices[0]?.delta.content ?? '')
    .join('')
const words = (n: number) => Array.from({ length: n }, (_, at) => `w${at + 1} `).join('')

test('a stream that is cut after every event, while it is written, is whole when it is put together', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script(reply(20, 40))
  const first = await post(ada, ask, { body: { stream_options: { include_usage: true } } })
  const frames = await firstPart(first)
  let connections = 1
  for (let next = first; next.status === 200; connections++) {
    next = await resume(ada, completionUrl(first), frames.at(-1)!.id)
    if (next.status === 200) frames.push(...(await firstPart(next)))
    else expect([next.status, await next.text()]).toEqual([204, ''])
  }
  expect(connections).toBeGreaterThan(10)
  expect(textOf(frames)).toBe(words(20))
  const ids = frames.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]))
  expect(ids).toEqual(ids.toSorted((a, b) => a - b))
  expect(new Set(ids).size).toBe(ids.length)
  const chunks = frames.slice(0, -1).map(({ data }) => JSON.parse(data))
  expect(frames.at(-1)!.data).toBe('[DONE]')
  expect(chunks.filter(({ choices }) => choices[0]?.finish_reason)).toHaveLength(1)
  expect(chunks.filter(({ usage }) => usage)).toMatchObject([{ choices: [], usage: { total_tokens: 30 } }])
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  expect(calls()).toHaveLength(1)
  expect(await ada.ledger()).toMatchObject({ runs: 1, calls: 1 })
})

test('from each event of a stream that has ended the rest is what followed it, under the key or the id', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script(reply(6, 40))
  const headers = { 'idempotency-key': crypto.randomUUID() }
  const first = await post(ada, ask, { headers })
  const frames = await allOf(readEvents(first.body!))
  expect(await allOf(readEvents((await resume(ada, completionUrl(first))).body!))).toEqual(frames)
  for (const [at, { id }] of frames.entries()) {
    if (id === undefined) continue
    const resent = post(ada, ask, { headers: { ...headers, 'last-event-id': id } })
    for (const answer of [await resume(ada, completionUrl(first), id), await resent]) {
      const isLast = at === frames.length - 1
      expect(answer.status).toBe(isLast ? 204 : 200)
      if (!isLast) expect(await allOf(readEvents(answer.body!))).toEqual(frames.slice(at + 1))
    }
  }
  expect(calls()).toHaveLength(1)
})

test('an EventSource behind a bad network gets every word once, and stops when there is no more', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask } = parley.script(reply(60, 80))
  const started = await post(ada, ask, { body: { store: true } })
  await started.body!.cancel()
  await parley.network(async (network) => {
    const authorization = `Bearer ${ada.key}`
    const source = new EventSource(completionUrl(started, network.url), {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, authorization } }),
    })
    const frames: SseEvent[] = []
    let opened = 0
    source.onopen = () => opened++
    source.onmessage = ({ data }) => {
      frames.push({ data, event: 'message' })
      if (frames.length === 5 || frames.length === 20) network.cut()
    }
    await until(30_000, async () => source.readyState === source.CLOSED)
    expect(opened).toBe(3)
    expect(frames.map(({ data }) => data).filter((data) => data === '[DONE]')).toHaveLength(1)
    expect(textOf(frames)).toBe(words(60))
  })
})

test('with store: false nothing is kept: no ids, and nothing to go on with', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask } = parley.script(reply(4))
  const answer = await post(ada, ask, { body: { store: false } })
  const text = await answer.text()
  expect(text).not.toMatch(/^id:/m)
  expect(text).toMatch(/data: \[DONE\]\n\n$/)
  const gone = await resume(ada, completionUrl(answer))
  expect([gone.status, (await gone.json()) as object]).toMatchObject([410, { error: { code: 'run_expired' } }])
  await until(3_000, async () => (await ada.ledger()).runs === 1)
})

test.each([
  ['cancel', 'cancelled'],
  ['continue', 'completed'],
])('X-On-Disconnect: %s decides what becomes of an answer that nobody watches', async (choice, status) => {
  const ada = await signInWithBot(parley.url)
  // Longer than a run is kept that nobody watches.
  const { ask, calls } = parley.script(reply(45, 100))
  const answer = await post(ada, ask, { headers: { 'x-on-disconnect': choice } })
  await firstPart(answer)
  await ada.runThatIs(status, answer.headers.get('x-run-id')!)
  expect(calls()[0]!.closed_by_client).toBe(choice === 'cancel')
})

test('a key that is revoked starts nothing more; what was begun ends, and reading stops soon', async () => {
  const ada = await signInWithBot(parley.url)
  const { ask, calls } = parley.script(reply(15, 100))
  const models = () => fetch(`${parley.url}/v1/models`, { headers: { authorization: `Bearer ${ada.key}` } })
  expect((await models()).status).toBe(200)
  const begun = await post(ada, ask)
  const revoked = await ada.open(`/chatbots/${ada.chatbotId}/api-keys/${ada.keyId}/revoke`, { method: 'POST' })
  expect(revoked.ok).toBe(true)
  const refused = await post(ada, ask)
  expect([refused.status, await refused.json()]).toMatchObject([401, { error: { code: 'revoked_api_key' } }])
  expect(textOf(await allOf(readEvents(begun.body!)))).toBe(words(15))
  await until(7_000, async () => (await models()).status === 401)
  expect(calls()).toHaveLength(1)
})

test('a key of a browser answers its own pages alone, which are told so before they ask', async () => {
  const ada = await signInWithBot(parley.url)
  const origin = 'https://shop.example.com'
  const { key } = await ada.newKey({ kind: 'pk', scopes: ['chat:public'], allowed_origins: [origin] })
  const preflight = await fetch(`${parley.url}/v1/chat/completions`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-retry-count',
    },
  })
  expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
  expect(preflight.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('x-stainless-retry-count')
  const answer = await post(ada, 'Hello', { key, headers: { origin } })
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin])
  expect(await answer.text()).toContain('[DONE]')
  for (const headers of [{}, { origin: 'https://shop.example.com.evil.example' }] as Record<string, string>[]) {
    const refused = await post(ada, 'Hello', { key, headers })
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'origin_not_allowed' } }])
  }
})

/** The examples of one language, in their order. */
const examples = (language: string) =>
  [...readFileSync('docs/gateway.md', 'utf8').matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)]
    .filter(([, fence]) => fence === language)
    .map(([, , code]) => code!)

/** What a program says when it succeeds. */
async function outputOf(command: string, args: string[], env: Record<string, string>): Promise<string> {
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [output, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text))
  const code = await new Promise((done) => child.once('close', done))
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with ${code}: ${errors}`)
  return output
}

test('the programs of the documentation run as they stand, and get an answer', async () => {
  const ada = await signInWithBot(parley.url)
  const origin = 'https://shop.example.com'
  const open = await ada.newKey({ kind: 'pk', scopes: ['chat:public'], allowed_origins: [origin] })
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  const page = `const send = fetch
globalThis.fetch = (url, init) => send(url, { ...init, headers: { ...init.headers, origin: '${origin}' } })
globalThis.document = { querySelector: () => ({ append: (text) => process.stdout.write(text) }) }
`
  const inPage = (code: string) =>
    page + code.replace('https://parley.example.com', parley.url).replace('parley_pk_…', open.key)
  const programs = [...examples('ts'), ...examples('js').map(inPage)]
  expect(programs).toHaveLength(4)
  for (const [at, code] of programs.entries()) {
    const file = join(folder, `example-${at}.mts`)
    writeFileSync(file, code)
    const output = await outputOf(process.execPath, [file], { PARLEY_URL: parley.url, PARLEY_KEY: ada.key })
    expect(output).toMatch(/You said: (Why is the sea salty|Do you ship to Rome)\?/)
  }
})

const hasCurl = spawnSync('curl', ['--version']).status === 0

test.skipIf(!hasCurl)('the commands of the documentation make a chatbot and a key, ask, and resume', async () => {
  const ada = await signInWithBot(parley.url)
  const commands = examples('sh').join('\n').replace('https://parley.example.com', parley.url)
  const output = await outputOf('bash', ['-euc', commands], { PARLEY_TOKEN: ada.token })
  const [asked, resumed] = output.split('[DONE]')
  expect(asked).toContain('"role":"assistant"')
  expect(resumed).toMatch(/^id: 3$/m)
  expect(resumed).not.toMatch(/^id: [12]$|"role":"assistant"/m)
  expect(output.match(/\[DONE\]/g)).toHaveLength(2)
})
