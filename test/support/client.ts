import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { readEvents } from '../../scripts/sse.ts'
import { canonicalPath } from '../../src/http/paths.ts'
import worker from '../../src/index.ts'
import { checkAnswer, checkSchema, type Document, findOperation, schemaOfEvent } from './contract.ts'
import { noteSecrets } from './secrets.ts'

export const PASSWORD = 'correct-horse-battery'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of every shape, and the contract checks them
export type Answer = { status: number; headers: Headers; body: any }
export type Init = { headers?: Record<string, string>; raw?: BodyInit; signal?: AbortSignal }
export type Client = {
  (method: string, path: string, body?: unknown, init?: Init): Promise<Answer>
  /** The bare response, for streams; its status and media type are checked. */
  open: (method: string, path: string, body?: unknown, init?: Init) => Promise<Response>
}

let document: Promise<Document> | undefined
export const openApi = () => {
  document ??= exports.default.fetch('https://parley.test/openapi.json').then((response) => response.json<Document>())
  return document
}

/** An address that nobody had before: attempts are limited by it, and a test of those limits names its own. */
export const freshAddress = () => `10.${[...crypto.getRandomValues(new Uint8Array(3))].join('.')}`

/** A client that checks every answer against the document. */
export function client(token?: string): Client {
  const open: Client['open'] = async (method, path, body, { headers, raw, signal } = {}) => {
    const url = new URL(path, 'https://parley.test')
    noteSecrets(body)
    if (!/^\/(v1\/|api|openapi|asyncapi|docs|redoc|$)/.test(url.pathname)) url.pathname = `/api/v1${url.pathname}`
    const response = await exports.default.fetch(url.href, {
      method,
      signal,
      body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        'cf-connecting-ip': freshAddress(),
        ...headers,
      },
    })
    await check(method, canonicalPath(url.pathname), response)
    return response
  }
  const call = async (method: string, path: string, body?: unknown, init?: Init): Promise<Answer> => {
    const response = await open(method, path, body, init)
    const text = new TextDecoder().decode(await response.arrayBuffer())
    const answer = isJson(response) ? JSON.parse(text) : text
    noteSecrets(answer)
    return { status: response.status, headers: response.headers, body: answer }
  }
  return Object.assign(call, { open })
}

const isJson = (response: Response) => /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '')

async function check(method: string, path: string, response: Response): Promise<void> {
  if (!response.headers.get('x-request-id')) throw new Error(`${method} ${path}: no X-Request-Id`)
  const found = findOperation(await openApi(), method, path)
  if (!found) return
  const enveloped = response.headers.get('preference-applied') === 'envelope' || response.url.includes('envelope=')
  if (enveloped) return
  const body = isJson(response) ? await response.clone().json() : undefined
  checkAnswer(await openApi(), found, response, body)
}

export type SignedIn = Client & {
  user: { id: string; email: string; username: string }
  tokens: Record<string, string>
}

/** A fresh user. Storage is shared within a test file, so fresh users replace cleaning up. */
export async function signIn(): Promise<SignedIn> {
  const username = `u${crypto.randomUUID().slice(0, 12)}`
  const { body } = await client()('POST', '/auth/register', {
    username,
    email: `${username}@example.com`,
    password: PASSWORD,
  })
  const { user, ...tokens } = body
  return Object.assign(client(tokens.access_token), { user, tokens })
}

/** A fresh admin. Nobody becomes one by way of the API alone. */
export async function signInAdmin(): Promise<SignedIn> {
  const admin = await signIn()
  await env.DB.prepare("UPDATE users SET role = 'admin' WHERE id = ?").bind(admin.user.id).run()
  return admin
}

// biome-ignore lint/suspicious/noExplicitAny: checked against the schema of its name
export type Event = { id: number; event: string; data: any }

/** The events of a stream to its end, each checked against the schema of its name; `take` cuts it after so many. */
export async function eventsOf(response: Response, take = Number.POSITIVE_INFINITY): Promise<Event[]> {
  const events: Event[] = []
  if (take === 0) await response.body?.cancel()
  if (!response.body || take === 0) return events
  for await (const { id, event, data } of readEvents(response.body)) {
    const read = { id: Number(id), event, data: JSON.parse(data) }
    const fault = checkSchema(await openApi(), schemaOfEvent(await openApi(), event)!, read.data)
    if (fault) throw new Error(`${event}: ${fault}`)
    events.push(read)
    if (events.length >= take) break
  }
  return events
}

/** The text that a client has put together from a stream. */
export const textOf = (events: Event[]) =>
  events
    .filter(({ event }) => event === 'message.delta')
    .map(({ data }) => data.delta)
    .join('')

export const idsOf = (events: Event[]) => events.map(({ id }) => id)
export const countTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1)

/** A fresh conversation's id. */
export const startConversation = async (user: Client) => (await user('POST', '/conversations', {})).body.id as string

/** The only row of a query. */
export const one = <T>(query: string, ...values: unknown[]) =>
  env.DB.prepare(query)
    .bind(...values)
    .first<T>()

/** How many rows a query counts. */
export const countOf = async (query: string, ...values: unknown[]) =>
  (await one<{ n: number }>(`SELECT count(*) AS n FROM ${query}`, ...values))!.n

/** Runs the cron's chores as they would run at that moment. */
export async function runChores(at = new Date()): Promise<void> {
  const execution = createExecutionContext()
  await worker.scheduled({ scheduledTime: at.getTime(), cron: '* * * * *', noRetry: () => {} }, env, execution)
  await waitOnExecutionContext(execution)
}

/** Waits until `check` gives something, at most ten seconds. */
export async function until<T>(check: () => Promise<T | undefined | false | null>): Promise<T> {
  for (let waited = 0; waited < 10_000; waited += 50) {
    const value = await check()
    if (value) return value
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('Waited for 10 s in vain')
}

/** One pixel. */
export const PNG = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='),
  (char) => char.charCodeAt(0),
)
