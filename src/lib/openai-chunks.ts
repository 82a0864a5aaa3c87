import type { Encoder, Encoding } from './run-encodings.ts'
import type { FinishReason, RunEvent, Usage } from './run-events.ts'
import { frame } from './sse.ts'

/** What an answer to a client of OpenAI's API says of itself. */
type Head = { id: string; created: number; model: string }

type Settings = {
  runId: string
  /** As the client named it. */
  model: string
  /** Whether the client asked for the chunk with the counts; missing for what the run was asked with. */
  includeUsage?: boolean
  /** Whether it can be resumed: ids stand only where somebody can come back with them. */
  isResumable: boolean
}

type State = { calls: number; usage: Usage | undefined; includeUsage: boolean }

const PREFIX = 'chatcmpl-'

/** The id of a completion; `created`, in seconds, is in the run's own (RFC 9562, section 5.7). */
export const headOf = (runId: string, model: string): Head => ({
  id: PREFIX + runId,
  created: Math.floor(Number.parseInt(runId.replace('-', '').slice(0, 12), 16) / 1_000),
  model,
})

/** The run that a completion's id names. */
export const runOfCompletion = (id: string): string => id.slice(PREFIX.length)

/** The counts in OpenAI's words. */
export const toOpenAiUsage = (usage: Usage) => ({
  prompt_tokens: usage.input_tokens,
  completion_tokens: usage.output_tokens,
  total_tokens: usage.total_tokens,
  prompt_tokens_details: { cached_tokens: usage.cached_tokens },
  completion_tokens_details: { reasoning_tokens: usage.reasoning_tokens },
})

/** A call of a tool in OpenAI's words. */
export const toOpenAiCall = (event: RunEvent & { type: 'tool.call' }) => ({
  id: event.call_id,
  type: 'function' as const,
  function: { name: event.name, arguments: event.arguments },
})

/** What is wrong with the request has no status in a stream. */
const REQUEST_ERRORS: Record<string, string> = {
  context_too_long: 'context_length_exceeded',
  upstream_rejected: 'upstream_rejected',
  run_cancelled: 'run_cancelled',
}

/** An error as it stands in a stream: clients throw on it, whatever came before. */
function errorFrame(code: string, message: string, id?: number): string {
  const ofRequest = REQUEST_ERRORS[code]
  const type = ofRequest ? 'invalid_request_error' : 'server_error'
  return frame({ id, data: { error: { message, type, param: null, code: ofRequest ?? code } } })
}

/**
 * `chat.completion.chunk`s, which end with `[DONE]`, or with an error and without a finish reason. What the server's own
 * tools did stays unseen. The id of an event is on the last chunk that is made of it.
 */
export function openAiChunks({ runId, model, includeUsage, isResumable }: Settings): Encoding<State> {
  const head = { ...headOf(runId, model), object: 'chat.completion.chunk' }
  const choice = (state: State, delta: object, finish_reason: FinishReason | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(state.includeUsage && { usage: null }),
  })

  function next(state: State, event: RunEvent): [State, object[]] {
    switch (event.type) {
      case 'run.created': {
        const opened = { ...state, includeUsage: includeUsage ?? event.include_usage === true }
        return [opened, [choice(opened, { role: 'assistant', content: '' })]]
      }
      case 'message.delta':
        return [state, [choice(state, { content: event.delta })]]
      case 'reasoning.delta':
        return [state, [choice(state, { reasoning_content: event.delta })]]
      case 'tool.call': {
        if (event.executor === 'server') return [state, []]
        const call = { index: state.calls, ...toOpenAiCall(event) }
        return [{ ...state, calls: state.calls + 1 }, [choice(state, { tool_calls: [call] })]]
      }
      case 'usage':
        return [{ ...state, usage: event }, []]
      case 'run.completed': {
        const counts = state.includeUsage && state.usage
        const usage = counts ? [{ ...head, choices: [], usage: toOpenAiUsage(counts) }] : []
        return [state, [choice(state, {}, event.finish_reason), ...usage]]
      }
      default:
        return [state, []]
    }
  }

  const encode: Encoder<State> = (before, event) => {
    const id = isResumable ? event.seq : undefined
    if (event.type === 'run.failed' || event.type === 'run.interrupted') {
      return [before, [errorFrame(event.error.code, event.error.message, id)]]
    }
    if (event.type === 'run.cancelled') return [before, [errorFrame('run_cancelled', 'It was cancelled', id)]]
    const [state, chunks] = next(before, event)
    const isLast = event.type === 'run.completed'
    const frames = chunks.map((data, at) => frame({ id: at === chunks.length - 1 && !isLast ? id : undefined, data }))
    // Whoever has the id of the last event has been told that it is the last.
    return [state, isLast ? [...frames, `${id === undefined ? '' : `id: ${id}\n`}data: [DONE]\n\n`] : frames]
  }

  return {
    initial: { calls: 0, usage: undefined, includeUsage: false },
    encode,
    lost: [errorFrame('run_interrupted', 'The connection to the completion was lost')],
    reset: () => [],
    headers: {},
  }
}
