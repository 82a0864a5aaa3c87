import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, isPortFree } from '../../scripts/local-server.ts'
import { until } from '../support/server-user.ts'

// What a stranger starts first: `npm run dev`, on a database that is not there yet, with variables on its command line.
const folder = mkdtempSync(join(tmpdir(), 'parley-dev-'))
/** What .dev.vars or the shell may say: a test costs nobody money, and sends nobody a mail. */
const OF_DEVELOPERS = [
  'OPENAI_API_KEY',
  'OPENAI_BASE_URL',
  'OPENAI_MODEL',
  'MODELS',
  'TITLE_MODEL',
  'MAIL_FROM',
  'RESEND_API_KEY',
]
let api: string
let port: number
let dev: ChildProcess
let output = ''

/** Waits until it has said something. */
const says = (part: string) =>
  until(90_000, async () => output.includes(part)).catch((error) => {
    throw new Error(`It did not say "${part}":\n${output}`, { cause: error })
  })

const start = (args: string[]) => spawn(process.execPath, ['scripts/dev.ts', ...args], { stdio: 'pipe' })

beforeAll(async () => {
  port = await freePort()
  api = `http://127.0.0.1:${port}/api/v1`
  const vars = {
    RESPONSE_STYLE: 'envelope',
    JSON_WAIT_MS: '300',
    OFFLINE_TOKEN_MS: '40',
    PASSWORD_COST: '4',
    ...Object.fromEntries(OF_DEVELOPERS.map((name) => [name, ''])),
  }
  const given = Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`])
  dev = start(['--port', `${port}`, '--persist-to', folder, ...given])
  for (const stream of [dev.stdout!, dev.stderr!]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  await says('Parley runs at')
})

afterAll(() => {
  dev.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

async function post(path: string, body: object, token?: string) {
  const response = await fetch(`${api}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
  })
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  const answer: any = await response.json()
  return { status: response.status, headers: response.headers, body: answer }
}

const register = (name: string) => {
  const email = `${name}@example.com`
  return post('/auth/register', { username: name, email, password: 'correct-horse-battery' })
}

test('it says where everything is, and shows the mails that it would send', async () => {
  expect(output).toContain(`http://127.0.0.1:${port}/docs`)
  expect((await register('katherine')).status).toBe(201)
  await says('┌ Mail')
  await says('katherine@example.com')
})

test('every answer and every error is in an envelope when RESPONSE_STYLE says so', async () => {
  expect((await register('grace')).body).toMatchObject({ code: 201, data: { user: { username: 'grace' } } })
  const refused = await post('/conversations', {}, 'nobody')
  expect(refused).toMatchObject({ status: 401, body: { code: 401, data: { code: 'unauthorized' } } })
})

test('a reply that takes longer than JSON_WAIT_MS is answered with the run, and goes on', async () => {
  const token = (await register('linus')).body.data.access_token
  const conversation = (await post('/conversations', {}, token)).body.data.id
  const messages = `/conversations/${conversation}/messages`
  const { status, headers, body } = await post(messages, { content: 'count to 30' }, token)
  expect({ status, body }).toMatchObject({ status: 202, body: { code: 202, data: { status: 'in_progress' } } })
  const run = new URL(headers.get('location')!, api)
  await until(20_000, async () => {
    const response = await fetch(run, { headers: { authorization: `Bearer ${token}` } })
    const { data } = (await response.json()) as { data: { status: string } }
    return data.status === 'completed'
  })
})

test('a port that is taken is said in one line, with what to do', async () => {
  const second = start(['--port', `${port}`, '--persist-to', folder])
  let said = ''
  second.stderr.setEncoding('utf8').on('data', (text) => (said += text))
  const code = await new Promise((done) => second.once('close', done)).finally(() => second.kill('SIGKILL'))
  expect(code).toBe(1)
  expect(said.trim()).toBe(
    `Port ${port} is taken: stop what listens there, or choose another one (npm run dev -- --port 8788).`,
  )
})

test('what wrangler says when it cannot start is shown to its end', async () => {
  const state = mkdtempSync(join(tmpdir(), 'parley-dev-'))
  const refused = start(['--port', `${await freePort()}`, '--persist-to', state, '--no-such-option'])
  let said = ''
  for (const stream of [refused.stdout, refused.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text))
  const code = await new Promise((done) => refused.once('close', done)).finally(() => refused.kill('SIGKILL'))
  rmSync(state, { recursive: true, force: true })
  expect(code).toBe(1)
  expect(said).toMatch(/Unknown argument.*such/i)
})

test('nothing is said of the modules that the Worker is made of', async () => {
  await says('Your Worker has access to the following bindings')
  expect(output).not.toContain('.mjs')
})

test('ended by a signal, it frees its port', async () => {
  const ended = new Promise((done) => dev.once('exit', done))
  dev.kill('SIGTERM')
  expect(await ended).toBe(143)
  await until(10_000, () => isPortFree(port))
})
