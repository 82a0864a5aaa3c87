import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventSource } from 'eventsource'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { readEvents } from '../../scripts/sse.ts'
import { type FakeOpenAi, marker, reply, startFakeOpenAi } from '../support/fake-openai.ts'

let upstream: FakeOpenAi
let server: LocalServer
const folders: string[] = []
const newFolder = () => folders[folders.push(mkdtempSync(join(tmpdir(), 'parley-e2e-'))) - 1]!
const vars = () => ({ OPENAI_BASE_URL: upstream.url, ALARM_MS: '1000', PASSWORD_COST: '4' })

beforeAll(async () => {
  upstream = await startFakeOpenAi()
  server = await startServer({ persistTo: newFolder(), vars: vars() })
})

afterAll(async () => {
  await server.stop()
  await upstream.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

type Init = { method?: string; body?: object; headers?: Record<string, string>; signal?: AbortSignal }

/** A fresh user of the server at `url`. */
async function signIn(url: string) {
  const username = `u${crypto.randomUUID().slice(0, 12)}`
  const request = async (token: string | undefined, path: string, { body, ...init }: Init = {}) =>
    fetch(`${url}/api/v1${path}`, {
      method: body ? 'POST' : 'GET',
      body: body && JSON.stringify(body),
      ...init,
      headers: {
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
        ...init.headers,
      },
    })
  const registered = await request(undefined, '/auth/register', {
    body: { username, password: 'correct-horse-battery' },
  })
  const { access_token: token } = (await registered.json()) as { access_token: string }
  return {
    token,
    open: (path: string, init?: Init) => request(token, path, init),
    // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
    json: async (path: string, init?: Init): Promise<any> => (await request(token, path, init)).json(),
  }
}

async function startConversation(user: Awaited<ReturnType<typeof signIn>>): Promise<string> {
  return (await user.json('/conversations', { body: {} })).id
}

async function until<T>(ms: number, check: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    const value = await check()
    if (value) return value
  }
  throw new Error(`Waited for ${ms} ms in vain`)
}

test('killed in the middle of a reply, the server comes back, and nothing that a client saw is lost', async () => {
  const persistTo = newFolder()
  let mine = await startServer({ persistTo, vars: vars() })
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
    mine = await startServer({ port: Number(new URL(mine.url).port), persistTo, vars: vars() })

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

test("a browser's EventSource reads a run, reconnects by itself, and stops at its end", async () => {
  const ada = await signIn(server.url)
  const response = await ada.open(`/conversations/${await startConversation(ada)}/messages`, {
    body: { content: `Go on ${marker(upstream.script([reply(50, 20)]))}` },
    headers: { prefer: 'respond-async' },
  })
  const { id, message_id } = (await response.json()) as { id: string; message_id: string }
  let connections = 0
  let text = ''
  const ids: number[] = []
  const source = new EventSource(`${server.url}/api/v1/runs/${id}/events`, {
    fetch: async (url, init) => {
      connections += 1
      const headers = { ...init.headers, authorization: `Bearer ${ada.token}` }
      const answer = await fetch(url, { ...init, headers })
      // The first connection breaks after a while.
      if (connections > 1 || !answer.body) return answer
      return new Response(answer.body.pipeThrough(new TransformStream(), { signal: AbortSignal.timeout(300) }), answer)
    },
  })
  source.addEventListener('message.delta', ({ data, lastEventId }) => {
    text += JSON.parse(data).delta
    ids.push(Number(lastEventId))
  })
  await new Promise<void>((done) => {
    source.addEventListener('error', () => source.readyState === source.CLOSED && done())
  })
  expect(connections).toBeGreaterThanOrEqual(3)
  expect(new Set(ids).size).toBe(ids.length)
  expect(text).toBe((await ada.json(`/messages/${message_id}`)).content)
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
  const offline = await startServer({ persistTo: newFolder(), vars: { PASSWORD_COST: '4' } })
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
