import type { Model } from '../../ai/models.ts'
import { type ChatMessage, type ModelChunk, type Provider, type TokenCounts, UpstreamFault } from '../../ai/provider.ts'
import type { Attempt } from '../../db/schema/index.ts'
import type { Config } from '../../env.ts'
import { ERRORS, type ErrorCode, isRetryable } from '../../http/errors.ts'
import type { FinishReason, RunFault } from '../../lib/run-events.ts'

const MAX_TEXT_LENGTH = 256 * 1024
/** After the finish reason only the usage may come; a provider that stays silent there is not waited for longer. */
const USAGE_WAIT_MS = 2_000
const BACKOFF_MS = { first: 500, most: 4_000 }

type Input = {
  provider: (model: Model) => Provider
  model: Model
  fallback: Model | undefined
  messages: ChatMessage[]
  maxOutputTokens: number
  config: Config
  /** Ends the generation; who aborts knows why. */
  signal: AbortSignal
  onDelta: (kind: 'text' | 'reasoning', delta: string) => void
}

/** What came of it. `started` is whether any content was given; `counts` is what the provider counted. */
export type Generation = {
  finish?: FinishReason
  fault?: RunFault
  started: boolean
  counts?: TokenCounts
  attempts: Attempt[]
}

/**
 * Asks the model, and is the one retry loop of the system: tries and the fallback are for the time
 * before the first content; afterwards a fault ends the run, and what was given stays.
 */
export async function generate(input: Input): Promise<Generation> {
  const { config, signal } = input
  const deadline = Date.now() + config.RUN_START_DEADLINE_MS
  const result: Generation = { started: false, attempts: [] }
  let model = input.model
  for (let tries = 1; !signal.aborted; tries++) {
    const startedAt = Date.now()
    const note = (status: string) =>
      result.attempts.push({ upstream: model.provider, model: model.id, status, ms: Date.now() - startedAt })
    try {
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
async function attempt(input: Input, result: Generation): Promise<void> {
  const { config, model, messages, signal } = input
  const abort = new AbortController()
  const onAbort = () => abort.abort()
  signal.addEventListener('abort', onAbort)
  result.counts = undefined
  try {
    const request = {
      model: model.upstream ?? model.id,
      messages,
      maxOutputTokens: Math.min(input.maxOutputTokens, model.max_output),
      outputParam: model.output_param,
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
async function take(chunks: AsyncIterator<ModelChunk>, input: Input, result: Generation): Promise<void> {
  const { config, model, signal } = input
  const whole = { text: wholeCharacters(), reasoning: wholeCharacters() }
  let room = MAX_TEXT_LENGTH
  let finishedAt = 0
  for (;;) {
    const [ms, fault] = result.finish
      ? [finishedAt + USAGE_WAIT_MS - Date.now(), new UpstreamFault('upstream_stalled', 'never')]
      : result.started
        ? [model.idle_ms ?? config.UPSTREAM_IDLE_MS, new UpstreamFault('upstream_stalled', 'never')]
        : [config.UPSTREAM_FIRST_TOKEN_MS, new UpstreamFault('upstream_timeout', 'fallback')]
    const next = await within(chunks.next(), ms, fault, signal)
    if (next.done) return
    const { finish, usage } = next.value
    if (usage) result.counts = usage
    if (result.finish) {
      if (usage) return
      continue
    }
    for (const kind of ['reasoning', 'text'] as const) {
      const delta = whole[kind](next.value[kind] ?? '')
      const fits = delta.length <= room ? delta : delta.slice(0, room).replace(/[\ud800-\udbff]$/, '')
      room -= delta.length
      if (fits === '') continue
      result.started = true
      input.onDelta(kind, fits)
    }
    if (room < 0) {
      result.fault = toRunFault('run_too_long', true)
      return
    }
    if (finish) {
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
async function within<T>(work: Promise<T>, ms: number, fault: UpstreamFault, signal: AbortSignal): Promise<T> {
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
