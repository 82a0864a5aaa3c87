import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventSource } from 'eventsource'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalServer, runWrangler, startServer } from '../../scripts/local-server.ts'
import { readEvents } from '../../scripts/sse.ts'
import { startCuttableProxy } from '../support/cuttable-proxy.ts'
import { type FakeOpenAi, marker, reply, startFakeOpenAi } from '../support/fake-openai.ts'
import { newState } from '../support/migrated-state.ts'
import { signIn, startConversation, until } from '../support/server-user.ts'

let upstream: FakeOpenAi
let server: LocalServer
const folders: string[] = []
const newFolder = () => folders[folders.push(newState()) - 1]!
const vars = () => ({ OPENAI_BASE_URL: upstream.url, ALARM_MS: '1000', PASSWORD_COST: '4' })

beforeAll(async () => {
  upstream = await startFakeOpenAi()
  server = await startServer({ persistTo: newFolder(), isMigrated: true, vars: vars() })
})

afterAll(async () => {
  await server.stop()
  await upstream.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

test('a new local database has every migration, as wrangler counts them', async () => {
  const place = ['DB', '--local', `--persist-to=${newFolder()}`]
  expect((await runWrangler(['d1', 'migrations', 'list', ...place])).output).toContain('No migrations to apply')
})

test('killed in the middle of a reply, the server comes back, and nothing that a client saw is lost', async () => {
  const persistTo = newFolder()
  let mine = await startServer({ persistTo, isMigrated: true, vars: vars() })
  try {
    const ada = await signIn(mine.url)
    const conversation = await startConversation(ada)
    const slow = upstream.script([[{ tokens: 200, gap_ms: 30 }], reply(2)])
    const response = await ada.open(`/conversations/${conversation}/messages`, {
      body: { content: `Go on ${marker(slow)}`, stream: true },
    })
    const seen: { id?: string; data: string; event: string }[] = []
    for await (const event of readEvents(response.body!)) {
      seen.push(event)
      if (seen.length === 20) break
    }
    await mine.kill()
    mine = await startServer({ port: Number(new URL(mine.url).port), persistTo, isMigrated: true, vars: vars() })

    const { run_id, message_id, user_message_id } = JSON.parse(seen[0]!.data)
    // By the alarm alone: nobody asks for the run itself.
    const message = await until(60_000, async () => {
      const found = await ada.json(`/messages/${message_id}`)
      return found.status !== 'in_progress' && found
    })
    expect(message.status).toBe('interrupted')
    const text = seen.filter(({ event }) => event === 'message.delta').map(({ data }) => JSON.parse(data).delta)
    expect(message.content.startsWith(text.join(''))).toBe(true)
    expect((await ada.json(`/messages/${user_message_id}`)).content).toContain('Go on')

    const rest = await ada.open(`/runs/${run_id}/events`, { headers: { 'last-event-id': seen.at(-1)!.id! } })
    const events: { id?: string; data: string; event: string }[] = [...seen]
    for await (const event of readEvents(rest.body!)) events.push(event)
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, at) => at + 1))
    expect(events.at(-1)!.event).toBe('run.interrupted')
    const whole = events.filter(({ event }) => event === 'message.delta').map(({ data }) => JSON.parse(data).delta)
    expect(whole.join('')).toBe(message.content)

    const next = await ada.json(`/conversations/${conversation}/messages`, { body: { content: marker(slow) } })
    expect(next).toMatchObject({ status: 'completed', content: 'w1 w2 ' })
  } finally {
    await mine.stop()
  }
})

test('a client that hangs up costs nothing: the reply is completed without it', async () => {
  const ada = await signIn(server.url)
  const gone = new AbortController()
  const response = await ada.open(`/conversations/${await startConversation(ada)}/messages`, {
    body: { content: `Go on ${marker(upstream.script([reply(50, 10)]))}`, stream: true },
    signal: gone.signal,
  })
  const reader = response.body!.getReader()
  await reader.read()
  gone.abort()
  const run = await until(10_000, async () => {
    const found = await ada.json(`/runs/${response.headers.get('x-run-id')}`)
    return found.status !== 'in_progress' && found
  })
  expect(run).toMatchObject({ status: 'completed', usage: { output_tokens: 50 } })
  expect(run.content.trim().split(' ')).toHaveLength(50)
})

test('a client that hangs up before it has an answer is answered all the same', async () => {
  const ada = await signIn(server.url)
  const conversation = await startConversation(ada)
  const content = `Go on ${marker(upstream.script([reply(20, 10)]))}`
  const impatient = ada.open(`/conversations/${conversation}/messages`, {
    body: { content },
    signal: AbortSignal.timeout(60),
  })
  await expect(impatient).rejects.toThrow()
  const messages = await until(10_000, async () => {
    const found = await ada.json(`/conversations/${conversation}/messages`)
    return found[1]?.status === 'completed' && found
  })
  expect(messages.map(({ role }: { role: string }) => role)).toEqual(['user', 'assistant'])
})

const EVENTS =
  'run.created reasoning.delta message.delta title usage message.completed run.completed run.failed run.reset'.split(
    ' ',
  )
/** How long an EventSource waits before it comes back, as the stream says. */
const RECONNECT_MS = 1_500

test("a browser's EventSource reads a run whose connection is cut, each event once, and stops at its end", async () => {
  const ada = await signIn(server.url)
  const response = await ada.open(`/conversations/${await startConversation(ada)}/messages`, {
    body: { content: `Go on ${marker(upstream.script([reply(150, 40)]))}` },
    headers: { prefer: 'respond-async' },
  })
  const { id, message_id } = (await response.json()) as { id: string; message_id: string }
  const proxy = await startCuttableProxy(Number(new URL(server.url).port))
  const asked: (string | undefined)[] = []
  const source = new EventSource(`${proxy.url}/api/v1/runs/${id}/events`, {
    fetch: (url, init) => {
      asked.push(init.headers['Last-Event-ID'])
      return fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${ada.token}` } })
    },
  })
  const events: { id: number; type: string; data: string }[] = []
  for (const name of EVENTS) {
    source.addEventListener(name, ({ type, data, lastEventId }) => {
      events.push({ id: Number(lastEventId), type, data })
      // The connection is torn down in the middle, twice.
      if (events.length === 5 || events.length === 60) proxy.cut()
    })
  }
  await new Promise<void>((done) => {
    source.addEventListener('error', () => source.readyState === source.CLOSED && done())
  })
  expect(events.map((event) => event.id)).toEqual(events.map((_, at) => at + 1))
  expect(events.map(({ type }) => type).slice(-3)).toEqual(['usage', 'message.completed', 'run.completed'])
  const deltas = events.filter(({ type }) => type === 'message.delta').map(({ data }) => JSON.parse(data).delta)
  expect(deltas.join('')).toBe((await ada.json(`/messages/${message_id}`)).content)
  // It comes back for more, and once to hear that nothing follows: by a 204, which is the end of it.
  expect(asked.length).toBeGreaterThanOrEqual(3)
  expect([asked[0], asked.at(-1)]).toEqual([undefined, String(events.length)])
  const { length } = asked
  await sleep(RECONNECT_MS + 500)
  expect(asked).toHaveLength(length)
  await proxy.close()
})

/** Runs a command to its end and gives what it printed. */
async function run(command: string, args: string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const code = await new Promise((done) => child.once('close', done))
  return { code, output }
}

test("the README's commands do what it says", async () => {
  const offline = await startServer({ persistTo: newFolder(), isMigrated: true, vars: { PASSWORD_COST: '4' } })
  const readme = readFileSync('README.md', 'utf8')
  const block = /## Try\n\n```sh\n([\s\S]*?)```/.exec(readme)![1]!
  const { output } = await run('bash', ['-c', block.replace('http://127.0.0.1:8787', offline.url)])
  await offline.stop()
  expect(output).toContain('"response":"You said: \\"Hello\\"')
  expect(output).toContain('event: run.completed')
  const ids = [...output.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
  expect(ids).toEqual(ids.map((_, at) => at + 1))
})

test('npm run demo shows a reply that is cut and resumed, with nothing missing', async () => {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, ...env } = process.env
  const { code, output } = await run('npm', ['run', 'demo'], env)
  expect(output).toContain('equal the stored message')
  expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' })
})
