import { type ChatMessage, hasClientTools, type ToolCall } from '../../ai/provider.ts'
import type { Target } from '../../ai/targets.ts'
import { SearchFault } from '../../ai/web-search/search.ts'
import type { Attempt } from '../../db/schema/index.ts'
import type { Config } from '../../env.ts'
import { describeError, type Log } from '../../http/log.ts'
import type { FinishReason, NewRunEvent, RunFault } from '../../lib/run-events.ts'
import { estimateTokens } from '../../lib/token-estimate.ts'
import { MIN_OUTPUT } from '../plans/service/quota.ts'
import type { FurtherCall } from './further-call.ts'
import { type Answer, generate, type Surroundings, type Written } from './generate.ts'
import type { Job } from './job.ts'
import { Patience } from './patience.ts'
import { toRunFault } from './run-fault.ts'
import { WEB_SEARCH } from './search-offer.ts'
import { search, searchFailure, type ToolResult, toolError } from './search-tool.ts'
import { handOver, withIds } from './tool-calls.ts'
import { type CallUse, outputOf } from './usage.ts'

/** How long a reservation is waited for. */
const RESERVE_MS = 5_000

type Input = Surroundings & {
  job: Job
  /** Whom to ask, in this order; at least one. */
  targets: Target[]
  onTool: (event: NewRunEvent) => void
  /** Reserves for call number `call` of the run. @throws when D1 fails */
  reserve: (need: { call: number; inputTokens: number; outputTokens: number }) => Promise<FurtherCall>
  log: Log
}

/** What came of all calls of a run. Only one with a `finish` is complete. `target` is who was asked last. */
export type Generation = {
  target?: Target
  finish?: FinishReason
  fault?: RunFault
  started: boolean
  uses: CallUse[]
  attempts: Attempt[]
}

/** What a call of a model is made with. */
type Call = {
  targets: Target[]
  messages: ChatMessage[]
  inputTokens: number
  maxOutputTokens: number
}

/**
 * Asks the model until it answers without calling tools: what they give goes back to it, in the same run and message.
 * After TOOL_ROUNDS it has to do without them. Whatever goes wrong in a tool is told to the model. Where the client brings tools
 * of its own there are no others, and what they are called for is its to answer: the run ends there.
 */
export async function generateWithTools(input: Input): Promise<Generation> {
  const { job, config, signal } = input
  const whole: Generation = { started: false, uses: [], attempts: [] }
  const written: Written = { text: 0, reasoning: 0 }
  const onDelta: Input['onDelta'] = (kind, delta) => {
    written[kind] += delta.length
    input.onDelta(kind, delta)
  }
  const { messages, maxOutputTokens } = job
  let call: Call = { ...input, messages, inputTokens: job.run.context.tokens, maxOutputTokens }
  const ids = new Set<string>()
  const isClients = hasClientTools(job)
  for (let round = 1; ; round++) {
    const tools = job.searches && !isClients ? { offered: [WEB_SEARCH], choice: choiceIn(round, config) } : undefined
    const before = round > 1 ? written : undefined
    const answer = await generate({ ...input, ...call, onDelta, tools, options: job.options, before })
    whole.started = answer.started
    whole.target = answer.target
    whole.attempts.push(...answer.attempts)
    // A call that was refused costs nothing, whatever those before it did.
    const isRefused = answer.fault && answer.use?.made === 0 && !answer.use.counts
    const reserved = call.inputTokens + call.maxOutputTokens
    if (answer.use && !isRefused) whole.uses.push({ ...answer.use, reserved })
    if (isClients) return { ...whole, finish: handOver(answer, input), fault: answer.fault }
    if (answer.toolCalls.length === 0) return { ...whole, finish: answer.finish, fault: answer.fault }
    if (signal.aborted) return whole
    const next = await nextCall(input, call, answer, withIds(answer.toolCalls, ids), whole.uses)
    if (signal.aborted) return whole
    const room = 'code' in next ? next : await roomFor(input, next, round + 1)
    if ('code' in room) return { ...whole, fault: room }
    call = { ...(next as Call), maxOutputTokens: room.outputTokens }
  }
}

const choiceIn = (round: number, { TOOL_ROUNDS }: Config): 'auto' | 'none' => (round > TOOL_ROUNDS ? 'none' : 'auto')

/** Answers the calls, and gives the call of the model that hears of it; or a fault when that does not fit its window. */
async function nextCall(
  input: Input,
  { messages, inputTokens }: Call,
  { target, text }: Answer,
  toolCalls: ToolCall[],
  uses: CallUse[],
): Promise<Call | RunFault> {
  const asked = toolCalls.reduce((sum, call) => sum + estimateTokens(call.name + call.arguments), estimateTokens(text))
  const made = uses.reduce((sum, use) => sum + outputOf(use), 0)
  // The limit is for the reply, whichever of its calls writes it.
  const wanted = Math.max(MIN_OUTPUT, input.job.maxOutputTokens - made)
  const room = target.context - inputTokens - asked - wanted
  const results = await answerCalls(input, toolCalls, bytesFor(Math.floor(room / toolCalls.length), input.config))
  const told = results.map(({ text }, at) => ({ role: 'tool' as const, callId: toolCalls[at]!.id, content: text }))
  const sent = told.reduce((sum, { content }) => sum + estimateTokens(content), inputTokens + asked)
  const maxOutputTokens = Math.min(wanted, target.context - sent)
  if (maxOutputTokens < MIN_OUTPUT) return toRunFault('context_too_long', true)
  return {
    // What has begun with one model does not go on with another.
    targets: [target],
    messages: [...messages, { role: 'assistant', content: text, toolCalls }, ...told],
    inputTokens: sent,
    maxOutputTokens,
  }
}

/** What `estimateTokens` takes for so many tokens. */
const bytesFor = (tokens: number, { TOOL_RESULT_BYTES }: Config) =>
  Math.min(TOOL_RESULT_BYTES, Math.max(0, (tokens - 4) * 3))

/** Runs the calls of a round at the same time. Each is announced first, and told of as soon as it is done. */
function answerCalls(input: Input, toolCalls: ToolCall[], maxBytes: number): Promise<ToolResult[]> {
  for (const { id, name, arguments: given } of toolCalls) {
    input.onTool({ type: 'tool.call', call_id: id, name, arguments: given, executor: 'server' })
  }
  return Promise.all(
    toolCalls.map(async (call, at) => {
      const result = await answerCall(input, call, at, maxBytes)
      const { ok, summary, sources } = result
      input.onTool({ type: 'tool.result', call_id: call.id, ok, summary, sources })
      return result
    }),
  )
}

async function answerCall(input: Input, call: ToolCall, at: number, maxBytes: number): Promise<ToolResult> {
  const { config, signal, log, job } = input
  if (at >= config.TOOL_CALLS_PER_ROUND) return toolError(`Only ${config.TOOL_CALLS_PER_ROUND} calls at a time are run`)
  if (call.name !== WEB_SEARCH.name) return toolError('There is no such tool')
  try {
    return await search(call, config, maxBytes, signal)
  } catch (error) {
    if (!(error instanceof SearchFault)) throw error
    if (signal.aborted) return toolError('The reply was ended')
    log('warn', 'search_failed', { run_id: job.run.id, reason: error.reason, ...describeError(error.cause) })
    return searchFailure(error)
  }
}

/** Room in the quota for a call, as much output as there is; or the fault that ends the run. */
async function roomFor(input: Input, { inputTokens, maxOutputTokens }: Call, call: number) {
  const { signal, log, job } = input
  const patience = new Patience(signal)
  try {
    const reserved = input.reserve({ call, inputTokens, outputTokens: maxOutputTokens })
    const room = await patience.wait(reserved, RESERVE_MS, () => new Error('D1 took too long'))
    if (room === 'no_room') return toRunFault('quota_exhausted_in_run', true)
    return room === 'ended' ? toRunFault('run_interrupted', true) : room
  } catch (error) {
    if (!signal.aborted) log('error', 'reservation_failed', { run_id: job.run.id, ...describeError(error) })
    return toRunFault('store_unavailable', true)
  } finally {
    patience.end()
  }
}
