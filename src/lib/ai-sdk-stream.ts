import type { Encoder, Encoding } from './run-encodings.ts'
import type { FinishReason, RunCreatedEvent, RunEvent, TerminalEvent } from './run-events.ts'
import { frame } from './sse.ts'

/** A part of the UI message stream of the AI SDK. Clients throw on types that they do not know; only `data-*` is open. */
type Chunk = { type: string; [field: string]: unknown }

type State = {
  /** What `data-run` says besides how the run stands. */
  run: Partial<ReturnType<typeof toRunData>>
  /** The part that is being written, and how many there were. */
  open: { kind: 'text' | 'reasoning'; id: string } | undefined
  parts: number
  /** A step is one turn of the model: what it writes and calls, and the results. */
  inStep: boolean
  /** A call has its result, so that what the model says next belongs to the next step. */
  hasResult: boolean
  /** Calls of the server that have no result yet. */
  calls: string[]
  /** Pages that were named: each once. */
  urls: string[]
}

const FINISH_REASONS: Record<FinishReason, string> = {
  stop: 'stop',
  length: 'length',
  content_filter: 'content-filter',
  tool_calls: 'tool-calls',
}

const DONE = 'data: [DONE]\n\n'
const LOST = 'The connection to the reply was lost. It may go on: resume it.'

const encode: Encoder<State> = (before, event) => {
  const [state, chunks] = next(before, event)
  // The id is on the last frame of an event: whoever has it has the others.
  const frames = chunks.map((data, at) => frame({ id: at === chunks.length - 1 ? event.seq : undefined, data }))
  return [state, 'persisted' in event ? [...frames, DONE] : frames]
}

/** The UI message stream, version 1, which `useChat` reads (docs/ai-sdk.md). A replay from `start` replaces what it has. */
export const AI_SDK: Encoding<State> = {
  initial: { run: {}, open: undefined, parts: 0, inStep: false, hasResult: false, calls: [], urls: [] },
  encode,
  lost: [frame({ data: { type: 'error', errorText: LOST } })],
  reset: () => [],
  headers: { 'x-vercel-ai-ui-message-stream': 'v1' },
}

function next(state: State, event: RunEvent): [State, Chunk[]] {
  switch (event.type) {
    case 'run.created': {
      const run = toRunData(event)
      const start = { type: 'start', ...(event.message_id && { messageId: event.message_id }) }
      return [{ ...state, run }, [start, dataRun(run, { status: event.status })]]
    }
    case 'reasoning.delta':
      return write(state, 'reasoning', event.delta)
    case 'message.delta':
      return write(state, 'text', event.delta)
    case 'tool.call':
      return call(state, event)
    case 'tool.result':
      return result(state, event)
    case 'title':
      // It is of the conversation, so it is not kept with the message.
      return [state, [{ type: 'data-title', transient: true, data: { title: event.title } }]]
    case 'usage': {
      const { type, run_id, seq, ...data } = event
      return [state, [{ type: 'data-usage', id: 'usage', data }]]
    }
    case 'message.completed':
      // A reply that is told again from its message has no calls any more, but its pages.
      return cite(state, event.message.sources)
    default:
      return end(state, event)
  }
}

/** What a client needs to stop the reply, to show what was left out, and to know its own message by the stored id. */
const toRunData = ({ run_id, conversation_id, user_message_id, model, context, warnings }: RunCreatedEvent) => ({
  run_id,
  conversation_id,
  user_message_id,
  model,
  context,
  warnings,
})

/** The id makes the later one replace the earlier. */
const dataRun = (run: State['run'], standing: object): Chunk => ({
  type: 'data-run',
  id: 'run',
  data: { ...run, ...standing },
})

function write(before: State, kind: 'text' | 'reasoning', delta: string): [State, Chunk[]] {
  const [state, chunks] = turn(before)
  if (state.open?.kind === kind) return [state, [...chunks, { type: `${kind}-delta`, id: state.open.id, delta }]]
  const parts = state.parts + 1
  const id = `${kind}-${parts}`
  const opening = [...endPart(state), { type: `${kind}-start`, id }, { type: `${kind}-delta`, id, delta }]
  return [{ ...state, open: { kind, id }, parts }, [...chunks, ...opening]]
}

function call(before: State, event: RunEvent & { type: 'tool.call' }): [State, Chunk[]] {
  const [state, chunks] = turn(before)
  const isOurs = event.executor === 'server'
  const input = { ...tool(event.call_id, isOurs), toolName: event.name, input: parsed(event.arguments) }
  const calls = isOurs ? [...state.calls, event.call_id] : state.calls
  return [
    { ...state, open: undefined, calls },
    [...chunks, ...endPart(state), { type: 'tool-input-available', ...input }],
  ]
}

function result(state: State, event: RunEvent & { type: 'tool.result' }): [State, Chunk[]] {
  const { call_id, ok, summary, sources } = event
  // Clients throw on a result without its call.
  if (!state.calls.includes(call_id)) return [state, []]
  const [cited, named] = cite(state, sources)
  const answer = ok
    ? { type: 'tool-output-available', ...tool(call_id), output: { summary, sources } }
    : { type: 'tool-output-error', ...tool(call_id), errorText: summary }
  const calls = state.calls.filter((id) => id !== call_id)
  return [{ ...cited, calls, hasResult: true }, [answer, ...named]]
}

/** Names pages that were not named before. */
function cite(state: State, sources: { url: string; title: string }[]): [State, Chunk[]] {
  const pages = [...new Map(sources.map((source) => [source.url, source])).values()]
  const found = pages.filter(({ url }) => !state.urls.includes(url))
  const urls = [...state.urls, ...found.map(({ url }) => url)]
  const named = found.map(({ url, title }) => ({
    type: 'source-url',
    sourceId: `source-${urls.indexOf(url) + 1}`,
    url,
    title,
  }))
  return [{ ...state, urls }, named]
}

/** The model speaks: in the step that is open, or in a new one when its calls have been answered. */
function turn(state: State): [State, Chunk[]] {
  const isNext = state.hasResult && state.calls.length === 0
  if (state.inStep && !isNext) return [state, []]
  const closing = state.inStep ? [...endPart(state), { type: 'finish-step' }] : []
  return [{ ...state, open: undefined, inStep: true, hasResult: false }, [...closing, { type: 'start-step' }]]
}

function end(state: State, event: TerminalEvent): [State, Chunk[]] {
  const unanswered = state.calls.map((id) => ({
    type: 'tool-output-error',
    ...tool(id),
    errorText: 'The reply ended before the result came',
  }))
  const { type, run_id, seq, persisted, ...standing } = event
  const closing = [
    ...endPart(state),
    ...unanswered,
    ...(state.inStep ? [{ type: 'finish-step' }] : []),
    dataRun({ run_id, ...state.run }, standing),
    ending(event),
  ]
  return [{ ...state, open: undefined, inStep: false, calls: [] }, closing]
}

function ending(event: TerminalEvent): Chunk {
  switch (event.status) {
    case 'completed':
      return { type: 'finish', finishReason: FINISH_REASONS[event.finish_reason] }
    case 'cancelled':
      return { type: 'abort' }
    default:
      return { type: 'error', errorText: event.error.message }
  }
}

const endPart = ({ open }: State): Chunk[] => (open ? [{ type: `${open.kind}-end`, id: open.id }] : [])

/** `dynamic`: the client need not know the tool. `providerExecuted`: it must not answer the call itself. */
const tool = (toolCallId: string, providerExecuted = true) => ({ toolCallId, dynamic: true, providerExecuted })

/** What the model wrote should be JSON; when it is not, it is shown as it is. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}
