import type { Context } from 'hono'
import type { Config } from '../../env.ts'
import type { CallerEnv } from '../../http/context.ts'
import { AppError, isErrorCode } from '../../http/errors.ts'
import { headOf, openAiChunks, toOpenAiCall, toOpenAiUsage } from '../../lib/openai-chunks.ts'
import type { RunEvent } from '../../lib/run-events.ts'
import { isTerminal } from '../../lib/terminal-events.ts'
import { headersOf, orSilence, streamOf } from '../runs/responses.ts'
import type { RunFeed } from '../runs/service.ts'
import type { ChatCompletion } from './schemas/answers.ts'

/** Seconds. */
const UNFINISHED_RETRY_S = 1
const BUSY_RETRY_S = 2

/** What the client called the model. */
const modelOf = ({ run }: RunFeed) => run.chatbotId ?? run.model

const pathOf = ({ run }: RunFeed) => `/v1/chat/completions/${headOf(run.id, '').id}`

/** The completion as `chat.completion.chunk`s (docs/gateway.md). One that nobody can resume has no ids and no place. */
export function toChunkStream(feed: RunFeed, config: Config, how: { includeUsage?: boolean; mayResume: boolean }) {
  const { includeUsage, mayResume } = how
  const isResumable = mayResume && feed.run.runner !== null
  const encoding = openAiChunks({ runId: feed.run.id, model: modelOf(feed), includeUsage, isResumable })
  return streamOf(feed, config, encoding, isResumable ? pathOf(feed) : null)
}

/**
 * Waits for the end of a completion and gives it whole.
 * @throws AppError `run_unfinished` after GATEWAY_JSON_WAIT_MS, `run_cancelled`, and with what it ended in
 */
export async function toCompletion(c: Context<CallerEnv>, feed: RunFeed): Promise<ChatCompletion> {
  const { signal } = c.req.raw
  // An error names the run as well.
  for (const [name, value] of Object.entries(headersOf(feed))) c.header(name, value)
  const leave = () => void feed.stop()
  signal.addEventListener('abort', leave)
  if (signal.aborted) leave()
  try {
    const { GATEWAY_JSON_WAIT_MS, RUN_MAX_MS } = c.var.config
    // Nobody could come back to what no Runner owns, and it ends by itself.
    const waitMs = feed.run.runner === null ? 2 * RUN_MAX_MS : GATEWAY_JSON_WAIT_MS
    return completionOf(feed, await eventsToEnd(feed, waitMs))
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

async function eventsToEnd({ run, groups, stop, keep }: RunFeed, waitMs: number): Promise<RunEvent[]> {
  const deadline = Date.now() + waitMs
  const events: RunEvent[] = []
  for (;;) {
    const group = await orSilence(groups.next(), Math.max(0, deadline - Date.now()))
    if (group === 'silence') {
      // The client is told to ask again, so it must be there.
      await keep()
      await stop()
      throw new AppError('run_unfinished', undefined, {
        extras: { run_id: run.id },
        retryAfterS: UNFINISHED_RETRY_S,
      })
    }
    if (group.done) throw new AppError('run_interrupted', undefined, { extras: { run_id: run.id } })
    events.push(...group.value)
    if (isTerminal(events.at(-1)!)) return events
  }
}

/** @throws AppError unless it was completed */
function completionOf(feed: RunFeed, events: RunEvent[]): ChatCompletion {
  const { id: run_id } = feed.run
  const textOf = (type: 'message.delta' | 'reasoning.delta') =>
    events.flatMap((event) => (event.type === type ? [event.delta] : [])).join('')
  const content = textOf('message.delta')
  const reasoning = textOf('reasoning.delta')
  const calls = events.flatMap((event) =>
    event.type === 'tool.call' && event.executor === 'client' ? [toOpenAiCall(event)] : [],
  )
  const usage = events.find((event) => event.type === 'usage')!
  const end = events.at(-1)!
  if (end.type === 'run.cancelled') throw new AppError('run_cancelled', undefined, { extras: { run_id } })
  if (end.type !== 'run.completed') {
    const error = 'error' in end ? end.error : undefined
    const code = error && isErrorCode(error.code) ? error.code : 'internal'
    throw new AppError(code, error?.message, {
      extras: { run_id, ...(content !== '' && { partial: true }) },
      retryAfterS: code === 'upstream_busy' ? (error?.retry_after ?? BUSY_RETRY_S) : undefined,
    })
  }
  return {
    ...headOf(run_id, modelOf(feed)),
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: content === '' && calls.length > 0 ? null : content,
          refusal: null,
          ...(reasoning !== '' && { reasoning_content: reasoning }),
          ...(calls.length > 0 && { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: end.finish_reason,
      },
    ],
    usage: toOpenAiUsage(usage),
  }
}
