import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep, setImmediate as yieldTurn } from 'node:timers/promises'

/** What the fake does, one after the other. A call that runs out of steps ends cleanly. */
export type Step =
  /** An ordinary answer instead of a stream; it ends the call. */
  | { status: number; headers?: Record<string, string>; json?: unknown; body?: string; content_type?: string }
  /** Silence in milliseconds: before the headers while nothing has been sent, otherwise in the stream. */
  | { wait: number }
  | { text: string }
  /** `w1 `, `w2 ` … as chunks of their own, `gap_ms` before each. */
  | { tokens: number; gap_ms?: number; prefix?: string }
  /** As `delta.reasoning_content`. */
  | { reasoning: string }
  /** A call of a tool, in three pieces; `index` counts from 0, and a call that gives none is the first. */
  | { call: { id?: string; name: string; arguments: string }; index?: number }
  | { finish: string }
  /** The chunk without choices; sent only if the request asked for it by `stream_options.include_usage`. */
  | { usage: Usage }
  /** Written as it is; `{ raw: '' }` sends no more than the headers. */
  | { raw: string }
  | { bytes: number[] }
  /** An error object in the stream; without `stream`, a 500 with it. */
  | { error: Record<string, unknown> }
  /** `data: [DONE]`. */
  | { done: true }
  /** Silence until the client leaves, for 120 s at most. */
  | { hang: true }
  /** The connection is torn down. */
  | { reset: true }
  /** The answer ends here, in good order. */
  | { end: true }

type Usage = { prompt_tokens: number; completion_tokens: number; [more: string]: unknown }

/** One request to `/v1/chat/completions`, also below a folder, which makes it another server, or to `/search`, as `GET /scripts/<id>/calls` shows it. */
export type Call = {
  /** Path and query. */
  url: string
  /** Milliseconds since 1970. */
  at: number
  /** `authorization` is cut to its last four characters. */
  headers: Record<string, string | string[] | undefined>
  /** The parsed body. */
  body: unknown
  /** The client left before the answer had ended. */
  closed_by_client: boolean
  /** The answer was sent to its end. */
  finished: boolean
}

export type FakeOpenAi = {
  /** The base URL for clients, ending in `/v1`. The scripts are beside it: `new URL('/scripts', url)`. */
  url: string
  /** Registers a script as `POST /scripts` does, and gives its id. Call n plays `attempts[min(n, last)]`. */
  script(attempts: Step[][]): string
  /** The calls of a script so far; those without a marker are under `default`. */
  calls(id: string): Call[]
  close(): Promise<void>
}

/** What chooses a script when it stands anywhere in the last user message. */
export const marker = (id: string): string => `[script:${id}]`

/** The steps of a normal reply of `n` tokens. */
export const reply = (n: number, gapMs = 0): Step[] => [
  { tokens: n, gap_ms: gapMs },
  { finish: 'stop' },
  { usage: { prompt_tokens: 10, completion_tokens: n, total_tokens: 10 + n } },
  { done: true },
]

const MAX_BODY_BYTES = 16 * 1024 * 1024
const MAX_SILENCE_MS = 120_000
const MAX_TOKENS = 100_000
const MAX_ATTEMPTS = 100
const MAX_STEPS = 10_000
const MAX_SCRIPTS = 10_000
const MAX_CALLS = 1_000
const STEP_KEYS = 'status wait text tokens reasoning call finish usage raw bytes error done hang reset end'.split(' ')

type Script = { attempts: Step[][]; started: number; calls: Call[] }
type ChatRequest = {
  model?: unknown
  stream?: unknown
  stream_options?: { include_usage?: unknown }
  messages?: { role?: unknown; content?: unknown }[]
}

/**
 * A scriptable OpenAI on loopback. Everything is possible over HTTP too, for tests inside workerd, which have only fetch:
 * `POST /scripts` `{attempts}` → `{id}`, and `GET /scripts/<id>/calls`.
 */
export async function startFakeOpenAi({ port = 0 }: { port?: number } = {}): Promise<FakeOpenAi> {
  const scripts = new Map<string, Script>()
  const fallback: Script = { attempts: [], started: 0, calls: [] }
  const find = (id: string) => (id === 'default' ? fallback : scripts.get(id))
  let lastId = 0

  function register(attempts: unknown): string {
    const fault = faultOf(attempts)
    if (fault) throw new Error(fault)
    const id = `s${++lastId}`
    scripts.set(id, { attempts: attempts as Step[][], started: 0, calls: [] })
    if (scripts.size > MAX_SCRIPTS) scripts.delete(scripts.keys().next().value!)
    return id
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => refuse(response, 400, (error as Error).message))
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://fake').pathname
    const calls = /^\/scripts\/([^/]+)\/calls$/.exec(path)
    if (request.method === 'POST' && /^\/([\w-]+\/)?v1\/chat\/completions$/.test(path))
      return complete(request, response)
    if (path === '/search') return search(request, response)
    if (request.method === 'POST' && path === '/scripts') {
      const { attempts } = JSON.parse(await readBody(request)) as { attempts?: unknown }
      return sendJson(response, 201, { id: register(attempts) })
    }
    if (request.method === 'GET' && calls && find(calls[1]!)) return sendJson(response, 200, find(calls[1]!)!.calls)
    if (request.method === 'GET' && path === '/v1/models') return sendJson(response, 200, MODELS)
    refuse(response, 404, `The fake has no ${request.method} ${path}`)
  }

  async function complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = JSON.parse(await readBody(request)) as ChatRequest
    const prompt = lastUserText(asked)
    await perform({ prompt, usual: echo(prompt), asked }, request, response)
  }

  /** A search engine beside the model. Its query chooses the script, whose steps are a status, silence, or what is raw. */
  async function search(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    const asked = body === '' ? {} : (JSON.parse(body) as ChatRequest & { query?: unknown })
    const prompt = new URL(request.url!, 'http://fake').searchParams.get('q') ?? String(asked.query ?? '')
    const usual = [{ status: 200, json: pagesOn(prompt) }]
    await perform({ prompt, usual, asked, isStream: true }, request, response)
  }

  /** Plays the script that is named in `prompt`, or else what is `usual`. */
  async function perform(
    { prompt, usual, asked, isStream }: { prompt: string; usual: Step[]; asked: ChatRequest; isStream?: true },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const id = /\[script:([^\]]+)\]/.exec(prompt)?.[1]
    const script = id === undefined ? fallback : scripts.get(id)
    if (!script) return refuse(response, 404, `The fake has no script ${id}`)
    const headers = redacted(request)
    const call: Call = {
      at: Date.now(),
      url: request.url!,
      headers,
      body: asked,
      closed_by_client: false,
      finished: false,
    }
    const steps = script === fallback ? usual : script.attempts[Math.min(script.started, script.attempts.length - 1)]!
    script.started++
    script.calls.push(call)
    if (script.calls.length > MAX_CALLS) script.calls.shift()
    await play(steps, isStream ? { stream: true } : asked, call, response)
  }

  // Longer than any test, so that no pooled connection is closed just when a client uses it again.
  server.keepAliveTimeout = MAX_SILENCE_MS
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(port, '127.0.0.1', done)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    script: register,
    calls: (id) => find(id)?.calls ?? [],
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

async function play(steps: Step[], asked: ChatRequest, call: Call, response: ServerResponse): Promise<void> {
  const gone = new AbortController()
  let torn = false
  response.once('close', () => {
    call.finished = response.writableFinished
    call.closed_by_client = !response.writableFinished && !torn
    gone.abort()
  })
  const tear = () => {
    torn = true
    response.destroy()
  }
  const answer = asked.stream === true ? streamed(asked, response, gone.signal) : whole(asked, response)
  try {
    for (const step of steps) {
      // What was written before leaves the process, and a client's leaving is noticed.
      await yieldTurn(undefined, { signal: gone.signal })
      if ('wait' in step) await sleep(Math.min(step.wait, MAX_SILENCE_MS), undefined, { signal: gone.signal })
      else if ('hang' in step) await sleep(MAX_SILENCE_MS, undefined, { signal: gone.signal })
      else if ('reset' in step) return tear()
      else if ('status' in step) return sendStatus(response, step)
      else if ('end' in step) break
      else if ('tokens' in step) await sendTokens(step, answer, gone.signal)
      else await answer.play(step)
    }
    answer.end()
  } catch (error) {
    if (!gone.signal.aborted) throw error
  }
}

type Content = Exclude<Step, { status: number } | { wait: number } | { hang: true } | { reset: true } | { end: true }>
type Answer = { play(step: Content): Promise<void>; end(): void }

async function sendTokens(
  { tokens, gap_ms = 0, prefix = 'w' }: Extract<Step, { tokens: number }>,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> {
  for (let i = 1; i <= Math.min(tokens, MAX_TOKENS); i++) {
    await (gap_ms > 0
      ? sleep(Math.min(gap_ms, MAX_SILENCE_MS), undefined, { signal })
      : yieldTurn(undefined, { signal }))
    await answer.play({ text: `${prefix}${i} ` })
  }
}

/** `chat.completion.chunk`s. The headers are sent with the first step that writes. */
function streamed(asked: ChatRequest, response: ServerResponse, signal: AbortSignal): Answer {
  const head = { ...headOf(asked), object: 'chat.completion.chunk' }
  let hasRole = false

  const write = async (data: string | Uint8Array) => {
    if (!response.headersSent) {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
      response.flushHeaders()
    }
    if (data.length > 0 && !response.write(data)) await drained(response, signal)
  }
  const chunk = (fields: object) => write(`data: ${JSON.stringify({ ...head, ...fields })}\n\n`)
  const choice = async (delta: object, finish_reason: string | null = null) => {
    if (!hasRole) {
      hasRole = true
      await choice({ role: 'assistant', content: '' })
    }
    await chunk({ choices: [{ index: 0, delta, finish_reason }] })
  }

  return {
    async play(step) {
      if ('text' in step) await choice({ content: step.text })
      else if ('reasoning' in step) await choice({ reasoning_content: step.reasoning })
      else if ('call' in step) for (const piece of piecesOf(step)) await choice({ tool_calls: [piece] })
      else if ('finish' in step) await choice({}, step.finish)
      else if ('usage' in step) {
        if (asked.stream_options?.include_usage === true) await chunk({ choices: [], usage: step.usage })
      } else if ('raw' in step) await write(step.raw)
      else if ('bytes' in step) await write(Uint8Array.from(step.bytes))
      else if ('error' in step) await write(`data: ${JSON.stringify({ error: step.error })}\n\n`)
      else if ('done' in step) await write('data: [DONE]\n\n')
    },
    end() {
      write('')
      response.end()
    },
  }
}

/** As OpenAI sends it: first who is called, then the arguments bit by bit. */
function piecesOf({ call, index = 0 }: Extract<Step, { call: object }>): object[] {
  const half = Math.ceil(call.arguments.length / 2)
  return [
    { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } },
    { index, function: { arguments: call.arguments.slice(0, half) } },
    { index, function: { arguments: call.arguments.slice(half) } },
  ]
}

/** What is found by a query without a marker. */
const pagesOn = (query: string) => ({
  results: [1, 2].map((n) => ({
    title: `Page ${n} on ${query}`,
    url: `https://example.com/${n}?q=${encodeURIComponent(query)}`,
    content: `What page ${n} says on ${query}.`,
  })),
})

/** One `chat.completion`; what `raw` and `bytes` say takes its place. */
function whole(asked: ChatRequest, response: ServerResponse): Answer {
  const message: { role: string; content: string; reasoning_content?: string } = { role: 'assistant', content: '' }
  const choice: { index: number; message: object; finish_reason: string | null } = {
    index: 0,
    message,
    finish_reason: null,
  }
  const completion = {
    ...headOf(asked),
    object: 'chat.completion',
    choices: [choice],
    usage: undefined as Usage | undefined,
  }
  const raw: Uint8Array[] = []
  let error: object | undefined

  return {
    async play(step) {
      if ('text' in step) message.content += step.text
      else if ('reasoning' in step) message.reasoning_content = (message.reasoning_content ?? '') + step.reasoning
      else if ('finish' in step) choice.finish_reason = step.finish
      else if ('usage' in step) completion.usage = step.usage
      else if ('raw' in step) raw.push(Buffer.from(step.raw))
      else if ('bytes' in step) raw.push(Uint8Array.from(step.bytes))
      else if ('error' in step) error = step.error
    },
    end() {
      if (error) sendJson(response, 500, { error })
      else if (raw.length > 0) response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.concat(raw))
      else sendJson(response, 200, completion)
    },
  }
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    response.once('drain', done)
    signal.addEventListener('abort', () => fail(signal.reason), { once: true })
    if (signal.aborted) fail(signal.reason)
  })
}

let lastCompletion = 0

function headOf(asked: ChatRequest) {
  const created = Math.floor(Date.now() / 1_000)
  return { id: `chatcmpl-fake-${++lastCompletion}`, created, model: String(asked.model ?? 'fake-model') }
}

/** The reply to a message without a marker. */
function echo(prompt: string): Step[] {
  const words = `You said: ${prompt.slice(0, 80)}`.split(/(?<= )/)
  const usage = { prompt_tokens: 10, completion_tokens: words.length, total_tokens: 10 + words.length }
  return [...words.map((text) => ({ text })), { finish: 'stop' }, { usage }, { done: true }]
}

function lastUserText({ messages }: ChatRequest): string {
  const content = Array.isArray(messages)
    ? messages.findLast((message) => message?.role === 'user')?.content
    : undefined
  if (!Array.isArray(content)) return String(content ?? '')
  return content.map((part: { text?: unknown }) => String(part?.text ?? '')).join('\n')
}

function redacted({ headers }: IncomingMessage): Call['headers'] {
  const { authorization } = headers
  return authorization === undefined ? { ...headers } : { ...headers, authorization: `…${authorization.slice(-4)}` }
}

/** What is wrong with a script, so that a slip in a test shows at once. */
function faultOf(attempts: unknown): string | undefined {
  if (!Array.isArray(attempts) || attempts.length < 1 || attempts.length > MAX_ATTEMPTS) {
    return `attempts is a list of 1 to ${MAX_ATTEMPTS} lists of steps`
  }
  for (const steps of attempts) {
    if (!Array.isArray(steps) || steps.length > MAX_STEPS) return `an attempt is a list of at most ${MAX_STEPS} steps`
    const wrong = steps.find((step) => STEP_KEYS.filter((key) => Object.hasOwn(Object(step), key)).length !== 1)
    if (wrong !== undefined) return `a step has exactly one of ${STEP_KEYS.join(', ')}, unlike ${JSON.stringify(wrong)}`
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error(`The body is larger than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function sendStatus(response: ServerResponse, step: Extract<Step, { status: number }>): void {
  if (response.headersSent) throw new Error('A status cannot follow what has been streamed')
  const { status, headers, json, body = json === undefined ? '' : JSON.stringify(json) } = step
  const content_type = step.content_type ?? (json === undefined ? 'text/plain' : 'application/json')
  response.writeHead(status, { 'content-type': content_type, ...headers }).end(body)
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) response.destroy()
  else sendJson(response, status, { error: { message, type: 'invalid_request_error', param: null, code: 'fake' } })
}

const MODELS = {
  object: 'list',
  data: [{ id: 'fake-model', object: 'model', created: 1_700_000_000, owned_by: 'fake' }],
}
