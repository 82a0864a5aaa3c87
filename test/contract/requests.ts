import { request as openRequest } from 'node:http'

/** What a request carries besides its path. */
export type Input = {
  query: Record<string, unknown>
  headers: Record<string, string>
  /** Of a media type, and not yet in its form. */
  body?: { type: string; value: unknown }
}

/** Somebody who asks, as far as their answers are looked through for others. */
export type Asker = { name: string; username: string; mark: string }

/** A request as it goes out; `by` says whose token it carries. */
export type Sent = {
  by?: Asker
  method: string
  url: string
  headers: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
}

/** `body` is what it says as JSON; `envelope` is what that came in, when it was asked for. */
export type Answer = { status: number; headers: Headers; text: string; body: unknown; envelope?: Envelope }
type Envelope = { code: number; message: string; data: unknown }

/** `/projects/{id}` of that project. */
export const pathOf = (template: string, values: Record<string, string>): string =>
  template.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name] ?? `no-${name}`))

export function queryOf(query: Input['query']): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries.map(([name, value]) => [name, String(value)]))}`
}

/** The body in the form of its media type, with what says so. */
export function bodyOf({ type, value }: NonNullable<Input['body']>): Pick<Sent, 'body' | 'headers'> {
  if (type === 'multipart/form-data') return formOf(value as Record<string, string>)
  const headers = { 'content-type': type }
  if (type === 'application/json') return { body: JSON.stringify(value), headers }
  if (type === 'application/x-www-form-urlencoded') {
    return { body: new URLSearchParams(value as Record<string, string>).toString(), headers }
  }
  return {
    body: new Uint8Array(typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array)),
    headers,
  }
}

const BOUNDARY = 'between-two-parts'

/**
 * A form in one piece. `fetch` sends one in several, and when the first of them is refused it may find the connection closed
 * before it has read the answer.
 */
function formOf(fields: Record<string, string>): Pick<Sent, 'body' | 'headers'> {
  const parts = Object.entries(fields).map(
    ([name, content]) => `Content-Disposition: form-data; name="${name}"; filename="a.txt"\r\n\r\n${content}\r\n`,
  )
  const body = [...parts.map((part) => `--${BOUNDARY}\r\n${part}`), `--${BOUNDARY}--\r\n`].join('')
  return { body, headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` } }
}

/** Sends it, and reads the answer to its end. */
export async function send({ method, url, headers, body }: Sent): Promise<Answer> {
  if (headers.upgrade) return openSocket(url, headers)
  const response = await fetch(url, { method, headers, body, redirect: 'manual', signal: AbortSignal.timeout(60_000) })
  const text = await response.text()
  return answerOf(response.status, response.headers, text)
}

/** What a WebSocket begins with; it is closed at once. */
function openSocket(url: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((done, fail) => {
    const asked = openRequest(url, { headers })
    asked.once('error', fail)
    asked.once('upgrade', (response, socket) => {
      socket.destroy()
      done(answerOf(response.statusCode!, toHeaders(response.headers), ''))
    })
    asked.once('response', async (response) => {
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      done(answerOf(response.statusCode!, toHeaders(response.headers), text))
    })
    asked.end()
  })
}

const toHeaders = (headers: NodeJS.Dict<string | string[]>) =>
  new Headers(
    Object.entries(headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((each): [string, string] => [name, each]),
    ),
  )

/** An answer with what it says as JSON. */
export function answerOf(status: number, headers: Headers, text: string): Answer {
  const answer = { status, headers, text }
  const isJson = /^application\/(problem\+)?json/.test(headers.get('content-type') ?? '') && text !== ''
  if (!isJson) return { ...answer, body: undefined }
  const body = JSON.parse(text)
  const isEnveloped = headers.get('preference-applied') === 'envelope'
  return isEnveloped ? { ...answer, body: body.data, envelope: body } : { ...answer, body }
}

const MAX_SHOWN = 1_500
/** They are the same on every answer. */
const DULL = /^(access-control|content-security|strict-transport|referrer|cache-control|vary|date|x-content-type)/

/** A request and its answer, for whoever has to understand what was found. */
export function described(sent: Sent, answer?: Answer): string {
  const { authorization: _, ...headers } = sent.headers
  const { pathname, search } = new URL(sent.url)
  const lines = [`${sent.method} ${pathname}${search} as ${sent.by?.name ?? 'nobody'}`, JSON.stringify(headers)]
  if (sent.body !== undefined) lines.push(shown(sent.body))
  if (answer) {
    const told = Object.fromEntries([...answer.headers].filter(([name]) => !DULL.test(name)))
    lines.push(`→ ${answer.status} ${JSON.stringify(told)}`, shown(answer.text))
  }
  return lines.join('\n')
}

function shown(body: NonNullable<Sent['body']>): string {
  const text = typeof body === 'string' ? body : new TextDecoder('latin1').decode(body)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… (${text.length})` : text
}
