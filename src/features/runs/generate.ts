import { rejectionOf } from '../../ai/openai-faults.ts'
import {
  type ChatMessage,
  hasClientTools,
  type ModelChunk,
  type ModelRequest,
  type Provider,
  type ToolCall,
  UpstreamFault,
} from '../../ai/provider.ts'
import { type Target, upstreamOf } from '../../ai/targets.ts'
import type { Attempt } from '../../db/schema/index.ts'
import type { Config } from '../../env.ts'
import type { FinishReason, RunFault } from '../../lib/run-events.ts'
import { utf8Length } from '../../lib/token-estimate.ts'
import { asking, waitsOf } from './endpoint-health.ts'
import { nextTry } from './next-try.ts'
import { Patience } from './patience.ts'
import { toRunFault } from './run-fault.ts'
import type { CallUse } from './usage.ts'

const MAX_TEXT_LENGTH = 256 * 1024
/** After the finish reason only the usage may come; a provider that stays silent there is not waited for longer. */
const USAGE_WAIT_MS = 2_000

/** Of a run, for all its calls of a model. */
export type Surroundings = {
  provider: (target: Target) => Provider
  config: Config
  /** Ends the generation; who aborts knows why. */
  signal: AbortSignal
  onDelta: (kind: 'text' | 'reasoning', delta: string) => void
  /** Whoever asked wrote the request, and may hear what the provider says is wrong with it. */
  tellsRejections?: boolean
}

/** What earlier calls of the run have written, in UTF-16 units. */
export type Written = { text: number; reasoning: number }

type Input = Surroundings & {
  /** Whom to ask, in this order; at least one. */
  targets: Target[]
  messages: ChatMessage[]
  /** Estimate of what is sent. */
  inputTokens: number
  maxOutputTokens: number
  tools?: ModelRequest['tools']
  options?: ModelRequest['options']
  /** Missing in the first call of a run. */
  before?: Written
}

/**
 * What came of it. `started` is whether the run has given any content, by now; `text` is what this call gave; `target` is
 * who was asked last.
 */
export type Answer = {
  target: Target
  finish?: FinishReason
  fault?: RunFault
  started: boolean
  text: string
  toolCalls: ToolCall[]
  use?: CallUse
  attempts: Attempt[]
}

/**
 * Asks a model, and is the one retry loop of the system: tries and further targets are for the time
 * before the first content; afterwards a fault ends the run, and what was given stays.
 */
export async function generate(input: Input): Promise<Answer> {
  const { config, signal, targets } = input
  const deadline = Date.now() + config.RUN_START_DEADLINE_MS
  const started = input.before !== undefined
  const result: Answer = { target: targets[0]!, started, text: '', toolCalls: [], attempts: [] }
  const waitsMs = waitsOf(targets)
  let at = waitsMs.indexOf(0)
  if (at < 0) return { ...result, fault: toRunFault('upstream_busy', started, Math.min(...waitsMs)) }
  for (let tries = 1; !signal.aborted; tries++) {
    const startedAt = Date.now()
    const target = targets[at]!
    const tell = asking(target)
    const note = (status: string) =>
      result.attempts.push({ upstream: upstreamOf(target), model: target.id, status, ms: Date.now() - startedAt })
    try {
      result.target = target
      await attempt(input, result)
      note('ok')
      tell(signal.aborted ? 'aborted' : 'well')
      return result
    } catch (error) {
      const fault = toFault(error)
      note(signal.aborted ? 'aborted' : fault.code)
      tell(signal.aborted ? 'aborted' : fault)
      if (signal.aborted) return result
      const waitsMs = waitsOf(targets)
      const leftMs = deadline - Date.now()
      const next = nextTry(fault, { tries, mostTries: config.UPSTREAM_TRIES, at, waitsMs, leftMs }, Math.random())
      if (result.started || !next) {
        const known = toRunFault(fault.code, result.started, fault.retryAfterMs)
        const words = input.tellsRejections ? rejectionOf(fault) : undefined
        return { ...result, fault: words === undefined ? known : { ...known, message: `${known.message}: ${words}` } }
      }
      await pause(next.pauseMs, signal)
      at = next.at
    }
  }
  return result
}

const toFault = (error: unknown): UpstreamFault => {
  if (error instanceof UpstreamFault) return error
  return new UpstreamFault('upstream_error', 'same', undefined, { cause: error })
}

/** One call of the result's target. Throws what ended it early; whatever comes after the finish reason changes nothing. */
async function attempt(input: Input, result: Answer): Promise<void> {
  const { config, messages, tools, options, signal } = input
  const { target } = result
  const abort = new AbortController()
  const onAbort = () => abort.abort()
  signal.addEventListener('abort', onAbort)
  result.use = { inputTokens: input.inputTokens, made: 0, isFinal: false }
  const patience = new Patience(signal)
  try {
    const request = {
      model: target.upstream ?? target.id,
      messages,
      maxOutputTokens: Math.min(input.maxOutputTokens, target.max_output),
      outputParam: target.output_param,
      detail: target.picture_detail,
      tools,
      options,
    }
    const opening = input.provider(target).open(request, abort.signal)
    const noHeaders = () => new UpstreamFault('upstream_timeout', 'same')
    const stream = await patience.wait(opening, config.UPSTREAM_HEADERS_MS, noHeaders)
    await take(stream[Symbol.asyncIterator](), input, result, patience)
    if (!result.finish && !result.fault) throw new UpstreamFault('upstream_truncated', 'same')
  } catch (error) {
    if (!result.finish) throw error
  } finally {
    patience.end()
    signal.removeEventListener('abort', onAbort)
    // Closes the upstream when we stopped reading early.
    abort.abort()
  }
}

/** Reads an answer to its end: to the usage behind the finish reason, if it comes soon. */
async function take(
  chunks: AsyncIterator<ModelChunk>,
  input: Input,
  result: Answer,
  patience: Patience,
): Promise<void> {
  const { config, before } = input
  const isClients = hasClientTools(input)
  const use = result.use!
  const whole = { text: wholeCharacters(), reasoning: wholeCharacters() }
  let room = MAX_TEXT_LENGTH - (before ? before.text + before.reasoning : 0)
  // Words before a call of a tool, and those after it, are not one sentence.
  let lead = before && before.text > 0 ? '\n\n' : ''
  let hasContent = false
  let finishedAt = 0
  for (;;) {
    const ms = result.finish
      ? finishedAt + USAGE_WAIT_MS - Date.now()
      : hasContent
        ? (result.target.idle_ms ?? config.UPSTREAM_IDLE_MS)
        : config.UPSTREAM_FIRST_TOKEN_MS
    const next = await patience.wait(chunks.next(), ms, hasContent ? stalled : silent)
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
    // Of calls that others answer nothing may be lost.
    if (isClients) {
      const { called = 0 } = next.value
      use.made += Math.min(called, Math.max(0, room))
      room -= called
    }
    if (room < 0) {
      result.started = true
      result.fault = toRunFault('run_too_long', true)
      return
    }
    if (toolCalls && toolCalls.length > 0 && (isClients || input.tools?.choice === 'auto')) {
      result.started = true
      result.toolCalls = toolCalls
      if (!isClients) use.made += toolCalls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0)
    }
    if (finish) {
      use.isFinal = true
      result.finish = finish
      finishedAt = Date.now()
    }
  }
}

const stalled = () => new UpstreamFault('upstream_stalled', 'never')
const silent = () => new UpstreamFault('upstream_timeout', 'fallback')

/** Holds back the first half of a character until the second comes: a half one could not be stored as it was shown. */
function wholeCharacters(): (text: string) => string {
  let half = ''
  return (text) => {
    const joined = half + text
    half = /[\ud800-\udbff]$/.exec(joined)?.[0] ?? ''
    return joined.slice(0, joined.length - half.length).toWellFormed()
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
