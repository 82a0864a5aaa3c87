import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { auth, getJson, postJson, send } from './call-api.ts'
import { providerOfShell } from './dev-vars.ts'
import { startServer } from './local-server.ts'
import { readEvents } from './sse.ts'

// npm run demo: a reply is cut off in the middle and resumed, against a server of its own.
// A missing, repeated or misplaced piece would be seen at a glance. The offline model takes about two seconds for it.
const PROMPT = 'Please count to 150 in digits, with nothing but spaces in between.'
const DELTAS_BEFORE_CUT = 5
const AWAY_MS = 1_000
const RESUMES = 5
const STREAM_MS = 300_000

type Message = { content: string; status: string }
type Reply = { runId: string; messageId: string; ids: number[]; text: string; ending?: Ending }
type Ending = { status: string; error?: { code: string; message: string } | null }

const dim = (text: string) => (process.stdout.isTTY ? `\x1b[2m${text}\x1b[0m` : text)
const note = (text: string) => console.log(dim(`— ${text}`))

const folder = await mkdtemp(join(tmpdir(), 'parley-demo-'))
const stopping = new AbortController()
const interrupted = new Promise<never>((_, fail) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      process.exitCode = 128 + constants.signals[signal]
      fail(new Error(`stopped by ${signal}`))
    })
  }
})
note('starting a server of its own, with an empty database')
const starting = startServer({ persistTo: folder, vars: providerOfShell(), signal: stopping.signal })
try {
  await Promise.race([starting.then(({ url }) => demo(url)), interrupted])
} catch (error) {
  process.exitCode ??= 1
  console.error(`\nThe demo failed: ${(error as Error).message}`)
} finally {
  stopping.abort()
  await starting.then(
    (server) => server.stop(),
    () => {},
  )
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
// A request may still be open after an interruption.
process.exit()

async function demo(url: string): Promise<void> {
  const token = await register(url)
  const conversation = await postJson<{ id: string }>(`${url}/api/v1/conversations`, { title: 'Demo' }, token)
  note(`asking: ${PROMPT}\n`)

  const reply = await askAndLeave(`${url}/api/v1/conversations/${conversation.id}/messages`, token)
  const cutAt = reply.ids.length
  console.log('\n')
  note(`cut the connection after event ${cutAt}; the server goes on without us`)
  await sleep(AWAY_MS)
  note(`back after ${AWAY_MS / 1_000} s: everything after event ${reply.ids.at(-1)}, please\n`)

  await resume(`${url}/api/v1/runs/${reply.runId}/events`, token, reply)
  console.log('\n')
  const stored = await getJson<Message>(`${url}/api/v1/messages/${reply.messageId}`, token)
  verify(reply, stored)
  console.log(
    `The reply was cut off after event ${cutAt} and resumed to event ${reply.ids.length}: every number from 1 to ` +
      `${reply.ids.length} once and in order,\nand the ${stored.content.length} characters received equal the stored message.`,
  )
}

async function register(url: string): Promise<string> {
  const name = `demo_${randomBytes(4).toString('hex')}`
  const password = randomBytes(18).toString('base64url')
  const user = { email: `${name}@example.com`, username: name, password }
  return (await postJson<{ access_token: string }>(`${url}/api/v1/auth/register`, user)).access_token
}

/** Sends the message and drops the connection in the middle of the reply, in any case before its end. */
async function askAndLeave(url: string, token: string): Promise<Reply> {
  const response = await send(url, {
    method: 'POST',
    headers: { ...auth(token), accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ content: PROMPT }),
    signal: AbortSignal.timeout(STREAM_MS),
  })
  const reply: Reply = { runId: response.headers.get('x-run-id') ?? '', messageId: '', ids: [], text: '' }
  let deltas = 0
  for await (const event of readEvents(response.body!)) {
    take(reply, event)
    if (event.event === 'message.delta') deltas++
    // `usage` comes right before the end: a reply this short is left there.
    if (deltas === DELTAS_BEFORE_CUT || event.event === 'usage' || reply.ending) return reply
  }
  return reply
}

/** Reads what is missing, as often as it takes; whether the run is still going on makes no difference. */
async function resume(url: string, token: string, reply: Reply): Promise<void> {
  for (let i = 0; i < RESUMES && !reply.ending; i++) {
    const response = await send(url, {
      headers: { ...auth(token), accept: 'text/event-stream', 'last-event-id': String(reply.ids.at(-1) ?? 0) },
      signal: AbortSignal.timeout(STREAM_MS),
    })
    for await (const event of readEvents(response.body!)) take(reply, event)
  }
}

function take(reply: Reply, { id, event, data }: { id?: string; event: string; data: string }): void {
  const body = JSON.parse(data)
  if (id !== undefined) reply.ids.push(Number(id))
  if (event === 'run.created') {
    reply.runId = body.run_id
    reply.messageId = body.message_id
  } else if (event === 'message.delta') {
    reply.text += body.delta
    process.stdout.write(body.delta)
  } else if (/^run\.(completed|cancelled|failed|interrupted)$/.test(event)) reply.ending = body
}

function verify({ ids, text, ending }: Reply, stored: Message): void {
  if (!ending) throw new Error('the events ended without a last one')
  if (ending.status !== 'completed') {
    const { code, message } = ending.error ?? { code: 'no error given', message: '' }
    throw new Error(`the run ended as ${ending.status} (${code}) ${message}`)
  }
  const wrong = ids.findIndex((id, i) => id !== i + 1)
  if (wrong >= 0) throw new Error(`event ${ids[wrong]} came where ${wrong + 1} was due`)
  if (stored.status !== 'completed') throw new Error(`the stored message is ${stored.status}`)
  if (stored.content !== text) {
    throw new Error(`the text received (${text.length} characters) is not the stored one (${stored.content.length})`)
  }
}
