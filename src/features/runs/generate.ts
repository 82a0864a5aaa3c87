import type { Model } from '../../ai/models.ts'
import {
  type ChatMessage,
  type ModelChunk,
  type ModelRequest,
  type Provider,
  type ToolCall,
  UpstreamFault,
} from '../../ai/provider.ts'
import type { Attempt } from '../../db/schema/index.ts'
import type { Config } from '../../env.ts'
import { ERRORS, type ErrorCode, isRetryable } from '../../http/errors.ts'
import type { FinishReason, RunFault } from '../../lib/run-events.ts'
import { utf8Length } from '../../lib/token-estimate.ts'
import type { CallUse } from './usage.ts'

const MAX_TEXT_LENGTH = 256 * 1024
/** After the finish reason only the usage may come; a provider that stays silent there is not waited for longer. */
const USAGE_WAIT_MS = 2_000
const BACKOFF_MS = { first: 500, most: 4_000 }

/** Of a run, for all its calls of a model. */
export type Surroundings = {
  provider: (model: Model) => Provider
  config: Config
  /** Ends the generation; who aborts knows why. */
  signal: AbortSignal
  onDelta: (kind: 'text' | 'reasoning', delta: string) => void
}

/** What earlier calls of the run have written, in UTF-16 units. */
export type Written = { text: number; reasoning: number }

type Input = Surroundings & {
  model: Model
  fallback: Model | undefined
  messages: ChatMessage[]
  /** Estimate of what is sent. */
  inputTokens: number
  maxOutputTokens: number
  tools?: ModelRequest['tools']
  /** Missing in the first call of a run. */
  before?: Written
}

/**
 * What came of it. `started` is whether the run has given any content, by now; `text` is what this call gave; `model` is
 * who was asked last.
 */
export type Answer = {
  model: Model
  finish?: FinishReason
  fault?: RunFault
  started: boolean
  text: string
  toolCalls: ToolCall[]
  use?: CallUse
  attempts: Attempt[]
}

/**
 * Asks the model, and is the one retry loop of the system: tries and the fallback are for the time
 * before the first content; afterwards a fault ends the run, and what was given stays.
 */
export async function generate(input: Input): Promise<Answer> {
  const { config, signal } = input
  const deadline = Date.now() + config.RUN_START_DEADLINE_MS
  const started = input.before !== undefined
  const result: Answer = { model: input.model, started, text: '', toolCalls: [], attempts: [] }
  let model = input.model
  for (let tries = 1; !signal.aborted; tries++) {
    const startedAt = Date.now()
    const note = (status: string) =>
      result.attempts.push({ upstream: model.provider, model: model.id, status, ms: Date.now() - startedAt })
    try {
      result.model = model
      await attempt({ ...input, model }, result)
      note('ok')
      return result
    } catch (error) {
      const fault = toFault(error)
      note(signal.aborted ? 'aborted' : fault.code)
      if (signal.aborted) return result
      const next = nextTry(fault, tries, model, deadline, input)
      if (result.started || !next) return { ...result, fault: toRunFault(fault.code, result.started) }
      await pause(next.pauseMs, signal)
      model = next.model
    }
  }
  return result
}

const toFault = (error: unknown): UpstreamFault => {
  if (error instanceof UpstreamFault) return error
  return new UpstreamFault('upstream_error', 'same', undefined, { cause: error })
}

/**
 * The last try is the fallback's, and so is the next one when the model would only repeat its fault, or asks for more
 * patience than there is.
 */
function nextTry(fault: UpstreamFault, tries: number, model: Model, deadline: number, { config, fallback }: Input) {
  if (tries >= config.UPSTREAM_TRIES || fault.retry === 'never') return undefined
  const other = fallback && fallback !== model ? { model: fallback, pauseMs: 0 } : undefined
  const pauseMs = fault.retryAfterMs ?? Math.random() * Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** (tries - 1))
  const isInTime = Date.now() + pauseMs < deadline
  if (fault.retry === 'fallback' || !isInTime || tries === config.UPSTREAM_TRIES - 1) {
    return other ?? (fault.retry === 'same' && isInTime ? { model, pauseMs } : undefined)
  }
  return { model, pauseMs }
}

/** A fault in our words. */
export const toRunFault = (code: ErrorCode, started = false): RunFault => ({
  code,
  message: started ? `${ERRORS[code].title}; what had come is kept` : ERRORS[code].title,
  retryable: isRetryable(code),
})

/** One call of one model. Throws what ended it early; whatever comes after the finish reason changes nothing. */
async function attempt(input: Input, result: Answer): Promise<void> {
  const { config, model, messages, tools, signal } = input
  const abort = new AbortController()
  const onAbort = () => abort.abort()
  signal.addEventListener('abort', onAbort)
  result.use = { inputTokens: input.inputTokens, made: 0, isFinal: false }
  try {
    const request = {
      model: model.upstream ?? model.id,
      messages,
      maxOutputTokens: Math.min(input.maxOutputTokens, model.max_output),
      outputParam: model.output_param,
      detail: model.picture_detail,
      tools,
    }
    const opening = input.provider(model).open(request, abort.signal)
    const noHeaders = new UpstreamFault('upstream_timeout', 'same')
    const stream = await within(opening, config.UPSTREAM_HEADERS_MS, noHeaders, signal)
    await take(stream[Symbol.asyncIterator](), input, result)
    if (!result.finish && !result.fault) throw new UpstreamFault('upstream_truncated', 'same')
  } catch (error) {
    if (!result.finish) throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Closes the upstream when we stopped reading early.
    abort.abort()
  }
}

/** Reads an answer to its end: to the usage behind the finish reason, if it comes soon. */
async function take(chunks: AsyncIterator<ModelChunk>, input: Input, result: Answer): Promise<void> {
  const { config, model, signal, before } = input
  const use = result.use!
  const whole = { text: wholeCharacters(), reasoning: wholeCharacters() }
  let room = MAX_TEXT_LENGTH - (before ? before.text + before.reasoning : 0)
  // Words before a call of a tool, and those after it, are not one sentence.
  let lead = before && before.text > 0 ? '\n\n' : ''
  let hasContent = false
  let finishedAt = 0
  for (;;) {
    const [ms, fault] = result.finish
      ? [finishedAt + USAGE_WAIT_MS - Date.now(), new UpstreamFault('upstream_stalled', 'never')]
      : hasContent
        ? [model.idle_ms ?? config.UPSTREAM_IDLE_MS, new UpstreamFault('upstream_stalled', 'never')]
        : [config.UPSTREAM_FIRST_TOKEN_MS, new UpstreamFault('upstream_timeout', 'fallback')]
    const next = await within(chunks.next(), ms, fault, signal)
    if (next.done) return
    const { finish, usage, toolCalls } = next.value
    if (usage) use.counts = usage
    if (result.finish) {
      if (usage) return
      continue
    }
    for (const kind of ['reasoning', 'text'] as const) {
      const given = whole[kind](next.value[kind] ?? '')
      const delta = kind === 'text' && given !== '' ? lead + given : given
      const fits = delta.length <= room ? delta : delta.slice(0, room).replace(/[\ud800-\udbff]$/, '')
      room -= delta.length
      if (fits === '') continue
      hasContent = true
      result.started = true
      use.made += kind === 'text' ? utf8Length(fits) : fits.length
      if (kind === 'text') {
        result.text += fits.slice(lead.length)
        lead = ''
      }
      input.onDelta(kind, fits)
    }
    if (room < 0) {
      result.fault = toRunFault('run_too_long', true)
      return
    }
    if (toolCalls && toolCalls.length > 0 && input.tools?.choice === 'auto') {
      result.started = true
      result.toolCalls = toolCalls
      use.made += toolCalls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0)
    }
    if (finish) {
      use.isFinal = true
      result.finish = finish
      finishedAt = Date.now()
    }
  }
}

/** Holds back the first half of a character until the second comes: a half one could not be stored as it was shown. */
function wholeCharacters(): (text: string) => string {
  let half = ''
  return (text) => {
    const joined = half + text
    half = /[\ud800-\udbff]$/.exec(joined)?.[0] ?? ''
    return joined.slice(0, joined.length - half.length).toWellFormed()
  }
}

/** `work`, or `fault` after `ms`, or the abort. Work left behind may fail unheard: its upstream is closed by then. */
export async function within<T>(work: Promise<T>, ms: number, fault: Error, signal: AbortSignal): Promise<T> {
  work.catch(() => {})
  let timer: ReturnType<typeof setTimeout> | undefined
  let onAbort: (() => void) | undefined
  try {
    return await new Promise<T>((resolve, reject) => {
      onAbort = () => reject(signal.reason)
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort)
      timer = setTimeout(() => reject(fault), Math.max(0, ms))
      work.then(resolve, reject)
    })
  } finally {
    clearTimeout(timer)
    if (onAbort) signal.removeEventListener('abort', onAbort)
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
