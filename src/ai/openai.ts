import type OpenAI from 'openai'
import { APIError } from 'openai/core/error'
import { z } from 'zod'
import type { FinishReason } from '../lib/run-events.ts'
import { cutAfter } from './cut-stream.ts'
import { readEvents } from './event-stream.ts'
import { toFault } from './openai-faults.ts'
import { toWireMessage } from './openai-messages.ts'
import { collectToolCalls, toWireTool } from './openai-tools.ts'
import type { Send } from './outgoing.ts'
import {
  hasClientTools,
  type ModelChunk,
  type ModelRequest,
  type Provider,
  type ReadPicture,
  type TokenCounts,
  UpstreamFault,
} from './provider.ts'

const MAX_ERROR_BYTES = 64 * 1024

/**
 * Any OpenAI-compatible server; `send` is the way to it. Of the package its types and its reading of errors are used, and not its
 * client, which is a quarter of the bundle and of whose thirty resources and retries nothing is wanted: the one retry loop is
 * the runner's.
 */
export function openAiProvider(send: Send, readPicture: ReadPicture): Provider {
  return {
    async open(asked, signal) {
      const { model, messages, maxOutputTokens, outputParam, detail, tools, options } = asked
      const body: OpenAI.ChatCompletionCreateParamsStreaming = {
        ...withoutLimits(options),
        model,
        messages: await Promise.all(messages.map((message) => toWireMessage(message, { detail, readPicture }))),
        ...(tools && { tools: tools.offered.map(toWireTool), tool_choice: tools.choice }),
        stream: true,
        stream_options: { include_usage: true },
        [outputParam]: maxOutputTokens,
      }
      try {
        const { body: stream, headers } = await eventStreamOf(await send(JSON.stringify(body), signal))
        return chunks(chunksOf(stream, headers), hasClientTools(asked))
      } catch (error) {
        throw toFault(error, 'upstream_error')
      }
    },
  }
}

/** Both names of the limit, which is ours to set, and the number of answers, of which we read one. */
const LIMITS = new Set(['max_tokens', 'max_completion_tokens', 'n'])

const withoutLimits = (options: ModelRequest['options'] = {}) =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !LIMITS.has(name)))

type Chunks = AsyncGenerator<OpenAI.ChatCompletionChunk>

/** What the events say, to the one that says that no more come. @throws SyntaxError, APIError for an error among them */
async function* chunksOf(stream: ReadableStream<Uint8Array>, headers: Headers): Chunks {
  for await (const events of readEvents(stream)) {
    for (const data of events) {
      if (data.startsWith('[DONE]')) return
      const chunk = JSON.parse(data)
      if (chunk?.error) throw new APIError(undefined, chunk.error, undefined, headers)
      yield chunk
    }
  }
}

async function* chunks(stream: Chunks, isClients: boolean): AsyncGenerator<ModelChunk> {
  const calls = collectToolCalls(isClients)
  try {
    for await (const chunk of stream) {
      if (chunk === null || typeof chunk !== 'object') throw new UpstreamFault('upstream_garbled', 'same')
      const choice = chunk.choices?.[0]
      // Not in OpenAI's own API; DeepSeek, vLLM and others send the model's reasoning this way.
      const reasoning = (choice?.delta as { reasoning_content?: unknown } | undefined)?.reasoning_content
      if (typeof reasoning === 'string' && reasoning) yield { reasoning }
      if (typeof choice?.delta?.content === 'string' && choice.delta.content) yield { text: choice.delta.content }
      // Its time is measured by what comes, and a long call comes in many pieces.
      const called = calls.add(choice?.delta?.tool_calls)
      if (called !== undefined) yield { called }
      if (choice?.finish_reason) {
        const finish = toFinish(choice.finish_reason)
        // Where the model was cut off, so was its call.
        const isWhole = finish === 'tool_calls' || finish === 'stop'
        yield isWhole ? { finish, toolCalls: calls.collected() } : { finish }
      }
      const usage = chunk.usage && toCounts(chunk.usage)
      if (usage) yield { usage }
    }
  } catch (error) {
    throw toFault(error, 'upstream_truncated')
  }
}

/** OpenAI's own reasons, and what other servers call the same. */
const FINISH_REASONS: Record<string, FinishReason> = {
  stop: 'stop',
  eos: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  max_tokens: 'length',
  content_filter: 'content_filter',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
}

/** A reason that nobody knows is a failure: some servers say so why they gave up in the middle. */
function toFinish(reason: string): FinishReason {
  const known = Object.hasOwn(FINISH_REASONS, reason) ? FINISH_REASONS[reason] : undefined
  if (!known) throw new UpstreamFault('upstream_error', 'same')
  return known
}

const TokenCount = z.int().min(0).max(100_000_000)
const Counts = z.object({
  prompt_tokens: TokenCount,
  completion_tokens: TokenCount,
  prompt_tokens_details: z.object({ cached_tokens: TokenCount.nullish() }).nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: TokenCount.nullish() }).nullish(),
})

/** Numbers that make no sense are none: an estimate is charged then. */
function toCounts(usage: unknown): TokenCounts | undefined {
  const { success, data } = Counts.safeParse(usage)
  if (!success) return undefined
  return {
    input: data.prompt_tokens,
    cached: data.prompt_tokens_details?.cached_tokens ?? 0,
    output: data.completion_tokens,
    reasoning: data.completion_tokens_details?.reasoning_tokens ?? 0,
  }
}

/**
 * Refuses what would be taken for an empty stream, such as a page of HTML with status 200.
 * @throws APIError for an error of the server, UpstreamFault
 */
async function eventStreamOf(response: Response): Promise<{ body: ReadableStream<Uint8Array>; headers: Headers }> {
  if (response.status >= 300 && response.status < 400) throw new UpstreamFault('upstream_error', 'same')
  if (!response.ok) throw await toApiError(response)
  if (!response.body || !/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel()
    throw new UpstreamFault('upstream_garbled', 'same')
  }
  return { body: response.body, headers: response.headers }
}

async function toApiError({ status, headers, body }: Response): Promise<APIError> {
  try {
    const text = await new Response(body?.pipeThrough(cutAfter(MAX_ERROR_BYTES))).text()
    return APIError.generate(status, JSON.parse(text), undefined, headers)
  } catch {
    return APIError.generate(status, undefined, undefined, headers)
  }
}
