import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readD1 } from '../../scripts/d1.ts'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { type MailSink, startMailSink } from '../../scripts/mail-sink.ts'

// Commands work while a server runs on the same state, as they do beside `npm run dev`.
const PASSWORD = 'correct-horse-battery'
const folder = mkdtempSync(join(tmpdir(), 'parley-commands-'))
const persistTo = join(folder, 'state')
const mailFolder = join(folder, 'mail')
let mail: MailSink
let server: LocalServer

beforeAll(async () => {
  mail = await startMailSink({ folder: mailFolder })
  server = await startServer({ persistTo, vars: { ...mail.vars, PASSWORD_COST: '4' } })
})

afterAll(async () => {
  await server.stop()
  await mail.stop()
  rmSync(folder, { recursive: true, force: true })
})

const COMMANDS = { 'admin:create': 'scripts/admin-create.ts', 'db:seed': 'scripts/seed.ts' }
type Command = keyof typeof COMMANDS

/** What `npm run` would run, to its end; `input` is what its standard input says. */
async function run(command: Command, args: string[], input = '') {
  const child = spawn(process.execPath, [COMMANDS[command], ...args], { stdio: 'pipe' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  // It may have ended without having read it.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise((done) => child.once('close', done))
  return { code, output: output.trim() }
}

const here = ['--persist-to', persistTo]
const newEmail = () => `u${crypto.randomUUID().slice(0, 12)}@example.com`

/** Asks the server, and again while a command has the database's file: SQLite lets in one writer, and says so by 503. */
async function call(path: string, body?: object, token?: string): ReturnType<typeof callOnce> {
  for (let tried = 1; ; tried++) {
    const answer = await callOnce(path, body, token)
    if (answer.status !== 503 || tried === 10) return answer
    await sleep(300)
  }
}

async function callOnce(path: string, body?: object, token?: string) {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method: body ? 'POST' : 'GET',
    body: body && JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

const signIn = (email: string, password = PASSWORD) => call('/auth/login', { email, password })

/** The code in the newest mail to somebody, as soon as it is there. */
async function codeFor(email: string, subject: string): Promise<string> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(50)) {
    const found = mail.mails().find((each) => each.to.includes(email) && each.subject.startsWith(subject))
    if (found) return /^ {4}(\S+)$/m.exec(found.text)![1]!
  }
  throw new Error(`No mail "${subject}" came`)
}

test.concurrent('an administrator is made by a password on standard input, once, and can do what administrators do', async () => {
  const email = newEmail()
  const username = `Boss-${email.slice(0, 6)}`
  const made = await run(
    'admin:create',
    ['--email', email.toUpperCase(), '--username', username, ...here],
    `${PASSWORD}\n`,
  )
  expect(made).toMatchObject({ code: 0, output: expect.stringContaining(`Made ${email} an administrator`) })
  const { status, body } = await signIn(email)
  expect({ status, user: body.user }).toMatchObject({
    status: 200,
    user: { email, username: username.toLowerCase(), role: 'admin', email_verified: true },
  })
  const { body: entries } = await call(`/admin/audit?target_id=${body.user.id}`, undefined, body.access_token)
  expect(entries).toMatchObject([{ action: 'user.created', actor_id: null, request_id: null, fields: ['role'] }])

  const anybody = ['--email', newEmail(), '--username', username, '--password', PASSWORD]
  const [again, taken] = await Promise.all([
    run('admin:create', ['--email', email, ...here]),
    run('admin:create', [...anybody, ...here]),
  ])
  expect(again).toEqual({ code: 0, output: `${email} is an administrator already: nothing was changed.` })
  expect(taken).toEqual({ code: 1, output: 'Somebody else has this username: choose another, or leave it out.' })
})

test.concurrent('an account whose address is confirmed is promoted as it is', async () => {
  const email = newEmail()
  const registered = await call('/auth/register', { email, password: PASSWORD })
  expect((await call('/auth/verify', { token: await codeFor(email, 'Confirm') })).status).toBe(204)
  const promoted = await run('admin:create', ['--email', email, ...here])
  expect(promoted).toMatchObject({ code: 0, output: expect.stringContaining(`${email} is now an administrator`) })
  expect((await call('/admin/users', undefined, registered.body.access_token)).status).toBe(200)
  expect((await signIn(email)).body.user.role).toBe('admin')
})

test.concurrent('whoever registered an address that is not theirs does not become an administrator', async () => {
  const email = newEmail()
  const squatter = await call('/auth/register', { email, password: PASSWORD })
  const refused = await run('admin:create', ['--email', email, ...here])
  expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('needs a password') })
  const promoted = await run('admin:create', ['--email', email, ...here], 'another-horse-battery\n')
  expect(promoted).toMatchObject({ code: 0, output: expect.stringContaining('its sessions have ended') })
  expect((await call('/admin/users', undefined, squatter.body.access_token)).status).toBe(401)
  expect((await signIn(email)).status).toBe(401)
  expect((await signIn(email, 'another-horse-battery')).body.user).toMatchObject({
    role: 'admin',
    email_verified: true,
  })
})

test('the commands say in one line what they cannot do, before they touch a database', async () => {
  const email = ['--email', newEmail()]
  const cases: [command: Command, args: string[], sentence: RegExp][] = [
    ['admin:create', [], /--email is missing/],
    ['admin:create', ['--email', 'nobody'], /--email: Invalid email address/],
    ['admin:create', [...email, '--username', 'a b'], /--username: 3 to 32 letters/],
    ['admin:create', [...email, '--password', 'password1'], /too common/],
    ['admin:create', [...email, '--role', 'admin'], /Unknown option '--role'/],
    ['admin:create', [...email, 'now'], /Unexpected argument 'now'/],
    ['admin:create', [...email, '--remote', ...here], /give one of them/],
    ['db:seed', ['--remote'], /add --yes/],
    ['db:seed', ['--remote', '--yes', ...here], /give one of them/],
    ['db:seed', ['--password', 'short'], /at least 8 characters/],
  ]
  const answers = await Promise.all(cases.map(([command, args]) => run(command, args)))
  for (const [at, { code, output }] of answers.entries()) {
    expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(cases[at]![2]) })
    expect(output).not.toContain('\n')
  }
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  for (const [name, file] of Object.entries(COMMANDS)) expect(scripts[name]).toBe(`node ${file}`)
  expect(await run('admin:create', ['--help'])).toMatchObject({
    code: 0,
    output: expect.stringContaining('--persist-to'),
  })
})

test('demo data is written once, and fits what the service itself writes', async () => {
  const first = await run('db:seed', ['--password', PASSWORD, ...here])
  expect(first).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^Made 8 users, .*\n.*\n.*shown this once: correct/),
  })
  const nora = (await signIn('nora@demo.example')).body
  const metrics = async () => (await call('/admin/metrics', undefined, nora.access_token)).body
  const before = await metrics()
  expect(before.active_users_24h).toBeGreaterThanOrEqual(5)
  const second = await run('db:seed', here)
  expect(second).toEqual({
    code: 0,
    output: 'The demo data is there already: nothing was changed, and passwords stay.',
  })
  expect(await metrics()).toEqual(before)
  const [checks] = await readD1({ remote: false, persistTo }, [CHECKS])
  expect(checks).toEqual([{ orphans: 0, unbilled: 0, headless: 0, future: 0, active: 7 }])

  const lucia = (await signIn('lucia@demo.example')).body
  expect(lucia.user).toMatchObject({ display_name: 'Lucía Romero', plan: 'team', email_verified: true })
  const { body: list } = await call('/conversations', undefined, lucia.access_token)
  expect(list).toHaveLength(4)
  for (const { id } of list) {
    const { body: said } = await call(`/conversations/${id}/messages`, undefined, lucia.access_token)
    expect(said.length % 2).toBe(0)
    const told = await fetch(`${server.url}/api/v1/runs/${said.at(-1).run_id}/events`, {
      headers: { authorization: `Bearer ${lucia.access_token}` },
    })
    expect(await told.text()).toMatch(/event: run\.completed\ndata: .*\n\n$/)
  }
  const { body: chatbots } = await call('/chatbots', undefined, lucia.access_token)
  expect(chatbots).toMatchObject([{ name: 'Tide watch', handle: 'tide-watch', version: 1, fallbacks: [], files: [] }])
  const reply = await call('/chat', { message: 'And now?', chat_id: list[0].id }, lucia.access_token)
  expect(reply).toMatchObject({ status: 200, body: { response: expect.stringContaining('"And now?"') } })

  expect((await signIn('jonas@demo.example')).status).toBe(401)
})

/** What may not be: messages without their parent, ended runs without a bill, heads that lead nowhere, later times. */
const CHECKS = sql`SELECT
  (SELECT count(*) FROM messages m WHERE depth <> 1 + coalesce((SELECT depth FROM messages p WHERE p.id = m.parent_id
     AND p.conversation_id = m.conversation_id AND p.id < m.id), 0)) AS orphans,
  (SELECT count(*) FROM runs r JOIN messages m ON m.id = r.message_id WHERE m.status <> r.status OR m.run_id <> r.id OR 1 <>
     (SELECT count(*) FROM usage_ledger u WHERE u.run_id = r.id AND u.status = r.status
       AND u.charged_tokens = r.usage->>'charged_tokens')) AS unbilled,
  (SELECT count(*) FROM conversations c WHERE head_id <> (SELECT max(id) FROM messages WHERE conversation_id = c.id))
     AS headless,
  (SELECT count(*) FROM messages WHERE updated_at > unixepoch() * 1000) AS future,
  (SELECT count(*) FROM users WHERE active_hour IS NOT NULL AND disabled_at IS NULL AND created_at < (SELECT
     max(created_at) FROM messages) - 86400000) AS active`

test('a mail that the server sends can be read where it was caught', async () => {
  const email = newEmail()
  await call('/auth/register', { email, password: PASSWORD, display_name: 'Mia' })
  expect((await call('/auth/password/forgot', { email })).status).toBe(202)
  const token = await codeFor(email, 'Reset your password')
  expect((await call('/auth/password/reset', { token, new_password: 'a-new-horse-battery' })).status).toBe(204)
  expect((await signIn(email, 'a-new-horse-battery')).status).toBe(200)

  const [newest] = (await (await fetch(`${mail.url}/emails`)).json()) as { to: string[] }[]
  expect(newest!.to).toEqual([email])
  const file = readdirSync(mailFolder).find((name) => name.endsWith(`-${email}.txt`))!
  expect(readFileSync(join(mailFolder, file), 'utf8')).toContain(`To: ${email}\nSubject: Confirm your email address`)
})

test('the place for mails takes no more than it can hold, and from nobody else', async () => {
  const letters: string[] = []
  const sink = await startMailSink({ folder: join(folder, 'bounded'), onMail: ({ subject }) => letters.push(subject) })
  const { RESEND_API_KEY: key } = sink.vars
  const letter = { from: 'a@b.example', to: ['../../etc/x y@b.example'], subject: 'Hi', text: 'Hello' }
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${sink.url}/emails`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${key}`, ...headers },
    })
  const twice = [await post(letter, { 'idempotency-key': 'k' }), await post(letter, { 'idempotency-key': 'k' })]
  const [one, other] = await Promise.all(twice.map((response) => response.json()))
  expect(one).toEqual(other)
  expect(letters).toEqual(['Hi'])
  expect(readdirSync(join(folder, 'bounded'))[0]).toMatch(/^\d{4}-[\dTZ-]+-\.\._\.\._etc_x_y@b\.example\.html$/)
  expect((await post(letter, { authorization: 'Bearer guess' })).status).toBe(401)
  expect((await post({ ...letter, to: [] })).status).toBe(422)
  expect((await post({ ...letter, text: 'x'.repeat(300_000) })).status).toBe(413)
  for (let n = 0; n < 100; n++) await post({ ...letter, subject: `Mail ${n}` })
  expect(sink.mails()).toHaveLength(100)
  expect(sink.mails()[0]!.subject).toBe('Mail 99')
  expect(readdirSync(join(folder, 'bounded'))).toHaveLength(200)
  await sink.stop()
})
