import { authorizedFetch, type Schemas } from './client.ts'
import { eventsOf } from './event-stream.ts'
import { problemOf } from './problem.ts'

/** What a run tells of itself, by the name of its event (docs/runs.md). */
type Events = {
  'run.created': Schemas['RunCreatedEvent']
  'reasoning.delta': Schemas['ReasoningDeltaEvent']
  'message.delta': Schemas['MessageDeltaEvent']
  title: Schemas['TitleEvent']
  'tool.call': Schemas['ToolCallEvent']
  'tool.result': Schemas['ToolResultEvent']
  usage: Schemas['UsageEvent']
  'message.completed': Schemas['MessageCompletedEvent']
  'run.completed': Schemas['RunCompletedEvent']
  'run.cancelled': Schemas['RunCancelledEvent']
  'run.failed': Schemas['RunFailedEvent']
  'run.interrupted': Schemas['RunInterruptedEvent']
  'run.reset': Schemas['RunResetEvent']
}
export type ReplyEvent = { [Name in keyof Events]: { type: Name } & Events[Name] }[keyof Events]

const TERMINAL = new Set<ReplyEvent['type']>(['run.completed', 'run.cancelled', 'run.failed', 'run.interrupted'])
const FIRST_PAUSE_MS = 500
const MAX_PAUSE_MS = 15_000

/**
 * All events of a reply that `path` begins when `body` is posted to it, to the terminal one: a lost connection is resumed, as
 * often as it takes. A repetition of the request with the same `idempotencyKey` is the same reply. When `signal` aborts, the
 * request is still sent and the reply goes on: it ends quietly once the server has begun it.
 * @throws Problem when it is refused, TypeError when the server cannot be reached to begin it
 */
export async function* askForReply(
  path: string,
  body: object,
  idempotencyKey: string,
  signal: AbortSignal,
): AsyncGenerator<ReplyEvent> {
  const headers = { accept: EVENT_STREAM, 'content-type': 'application/json', 'idempotency-key': idempotencyKey }
  const request = new Request(new URL(path, location.origin), {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  yield* follow(await open(request), signal)
}

/** The events of a reply that is being written or was, from its first one. @throws Problem when it is not there */
export async function* watchReply(runId: string, signal: AbortSignal): AsyncGenerator<ReplyEvent> {
  yield* follow(await open(resumption(runId, 0, signal)), signal)
}

const EVENT_STREAM = 'text/event-stream'

const resumption = (runId: string, after: number, signal: AbortSignal) =>
  new Request(new URL(`/api/v1/runs/${runId}/events?after=${after}`, location.origin), {
    headers: { accept: EVENT_STREAM },
    signal,
  })

async function* follow(first: Response, signal: AbortSignal): AsyncGenerator<ReplyEvent> {
  const runId = first.headers.get('x-run-id')!
  let response: Response | undefined = first
  let last = 0
  let pauseMs = FIRST_PAUSE_MS
  for (;;) {
    try {
      response ??= await open(resumption(runId, last, signal))
      // Nothing follows what was seen: that was the terminal event.
      if (!response.body) return
      // The request that began it has no signal of its own.
      const body = response.body.pipeThrough(new TransformStream(), { signal })
      for await (const { event: type, data } of eventsOf(body)) {
        if (!type) continue
        const event = { type, ...JSON.parse(data) } as ReplyEvent
        yield event
        if (TERMINAL.has(event.type)) return
        last = 'seq' in event ? event.seq : event.after
        pauseMs = FIRST_PAUSE_MS
      }
    } catch (error) {
      if (signal.aborted) return
      // What the server refuses will be refused again; all else is the network's.
      if (!(error instanceof TypeError) && !isPassing(error)) throw error
    }
    response = undefined
    await pause(pauseMs, signal)
    if (signal.aborted) return
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)
  }
}

const isPassing = (error: unknown) =>
  error instanceof DOMException || (error instanceof Error && 'status' in error && Number(error.status) >= 429)

async function open(request: Request): Promise<Response> {
  const response = await authorizedFetch(request)
  if (!response.ok) throw await problemOf(response)
  return response
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
