import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Config } from '../../env.ts'
import type { AuthedEnv } from '../../http/context.ts'
import { AppError, isErrorCode } from '../../http/errors.ts'
import { replayedHeader } from '../../http/idempotency.ts'
import { described, QUOTA_HEADERS } from '../../http/openapi.ts'
import { quotaHeaders } from '../../http/quota-headers.ts'
import { AI_SDK } from '../../lib/ai-sdk-stream.ts'
import { type Encoding, encoded, NATIVE } from '../../lib/run-encodings.ts'
import type { StoredMessage, TerminalEvent } from '../../lib/run-events.ts'
import { comment, retry } from '../../lib/sse.ts'
import { isTerminal } from '../../lib/terminal-events.ts'
import { text } from '../../lib/wire-fields.ts'
import { RunEvent } from './schemas/events.ts'
import { getRun, type ReplyFeed, type RunFeed } from './service.ts'
import { toRun } from './wire/run.ts'

const RECONNECT_MS = 1_500
const HEARTBEAT = new TextEncoder().encode(comment('hb'))

export const LastEventId = z.object({
  'last-event-id': text(1_000)
    .optional()
    .openapi({ description: 'The last event seen; the answer goes on after it. What is no number counts as absent' }),
})

/** The number of the last event that a client has seen, by the first of these that is a number; 0 when none is. */
export function seqOf(...lastEventIds: (string | undefined)[]): number {
  const seen = lastEventIds.find((given) => given !== undefined && /^\d+$/.test(given))
  return seen === undefined ? 0 : Math.min(Number(seen), Number.MAX_SAFE_INTEGER)
}

/** For which client a stream is written. */
export const StreamFormat = z.object({
  format: z.enum(['ai-sdk']).optional().openapi({
    description: '`ai-sdk` answers with the UI message stream of the AI SDK, which `useChat` reads',
  }),
})
type StreamFormat = z.infer<typeof StreamFormat>['format']

/** A stream in a format is a fold over all events, also when the client has seen some. */
export const isFolded = (format: StreamFormat) => format !== undefined

/** An answer that is a stream of the run's events, in the document. */
export const eventStream = (description: string) => ({
  description,
  headers: described('X-Run-Id', 'Location', 'X-Vercel-Ai-Ui-Message-Stream', 'Idempotency-Replayed', ...QUOTA_HEADERS),
  // OpenAPI 3.1 has no word for one of many; generators of clients take it as that.
  content: { 'text/event-stream': { schema: RunEvent } },
})

/** Errors that a run can end in. */
export const RUN_ERRORS = [
  'quota_exhausted_in_run',
  'upstream_auth',
  'upstream_refused',
  'upstream_rejected',
  'upstream_error',
  'upstream_stalled',
  'upstream_garbled',
  'upstream_truncated',
  'run_interrupted',
  'runner_unavailable',
  'upstream_busy',
  'upstream_timeout',
  'run_too_long',
  'context_too_long',
] as const

/** The native stream (docs/runs.md), or that of `format` (docs/ai-sdk.md). Closing it ends nothing: the run goes on. */
export const toEventStream = (feed: RunFeed, config: Config, format?: StreamFormat): Response =>
  format === 'ai-sdk' ? streamOf(feed, config, AI_SDK) : streamOf(feed, config, NATIVE)

/** Its `location` is where it can be resumed, if it can. */
export function streamOf<S>(
  feed: RunFeed,
  { HEARTBEAT_MS }: Config,
  encoding: Encoding<S>,
  location: string | null = `/api/v1/runs/${feed.run.id}/events`,
): Response {
  const { run, groups, stop, reset, skip } = feed
  const encoder = new TextEncoder()
  const texts = encoded(encoding, groups, skip)
  let beats: ReturnType<typeof setInterval> | undefined
  let saidAt = Date.now()
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const opening = retry(RECONNECT_MS) + comment('open') + (reset ? encoding.reset(run.id).join('') : '')
      controller.enqueue(encoder.encode(opening))
      // One timer for all: most pieces come long before it.
      beats = setInterval(() => {
        const isSilent = Date.now() - saidAt >= HEARTBEAT_MS / 2
        // Who has not taken what there is needs no sign of life.
        if (isSilent && (controller.desiredSize ?? 0) > 0) controller.enqueue(HEARTBEAT)
      }, HEARTBEAT_MS / 2)
    },
    async pull(controller) {
      const text = await texts.next().catch((error) => {
        clearInterval(beats)
        throw error
      })
      saidAt = Date.now()
      if (!text.done) return controller.enqueue(encoder.encode(text.value))
      clearInterval(beats)
      controller.close()
    },
    cancel: () => {
      clearInterval(beats)
      return stop()
    },
  })
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'content-encoding': 'identity',
      'x-accel-buffering': 'no',
      ...encoding.headers,
      ...headersOf(feed),
      ...(location && { location }),
    },
  })
}

/**
 * Waits for the end of a run and answers with what `toAnswer` makes of the reply, which is missing when the run was
 * cancelled; or with 202 and the run, at once if that was asked for, else after JSON_WAIT_MS.
 * @throws AppError with what the run ended in
 */
export async function answerReply<A>(c: Context<AuthedEnv>, feed: ReplyFeed, toAnswer: Answer<A>) {
  const { run } = feed
  const headers = headersOf(feed)
  // An error names the run as well.
  for (const [name, value] of Object.entries(headers)) c.header(name, value)
  const async = prefersAsync(c)
  const end = await waitForEnd(feed, async ? 0 : c.var.config.JSON_WAIT_MS)
  if (end) return toAnswer(end.message, headers)
  const location = `/api/v1/runs/${run.id}`
  if (async) headers['preference-applied'] = 'respond-async'
  return c.json(toRun(await getRun(c.var.ctx, run.id)), 202, { ...headers, location })
}

/** Which run it is, whether an earlier request made it, and what it leaves of the month. */
export const headersOf = ({ run, quota, replayed }: RunFeed): Record<string, string> => ({
  'x-run-id': run.id,
  ...replayedHeader(replayed),
  ...(quota && quotaHeaders(quota)),
  ...(quota && run.reserved?.clamped && { 'x-quota-clamped': String(run.reserved.tokens - run.context.tokens) }),
})

type Answer<A> = (message: StoredMessage | undefined, headers: Record<string, string>) => Promise<A>

const prefersAsync = (c: Context) => /(^|,)\s*respond-async/i.test(c.req.header('prefer') ?? '')

/** The stored message of a run that completed; `undefined` when it takes longer than `waitMs`. */
async function waitForEnd({ run, groups, keep, stop }: ReplyFeed, waitMs: number) {
  const deadline = Date.now() + waitMs
  let message: StoredMessage | undefined
  let partial = false
  for (;;) {
    const group = await orSilence(groups.next(), Math.max(0, deadline - Date.now()))
    if (group === 'silence') {
      // The answer will say where the run can be watched, so it must be there.
      await keep()
      await stop()
      return undefined
    }
    if (group.done)
      throw new AppError('run_interrupted', undefined, { extras: { run_id: run.id, message_id: run.messageId } })
    for (const event of group.value) {
      if (event.type === 'message.delta') partial = true
      if (event.type === 'message.completed') message = event.message
      if (event.type === 'run.failed' || event.type === 'run.interrupted')
        throw failureOf(event, run.messageId, partial)
      if (isTerminal(event)) return { message }
    }
  }
}

type Failed = TerminalEvent & { type: 'run.failed' | 'run.interrupted' }

const failureOf = ({ run_id, error }: Failed, message_id: string, partial: boolean) =>
  new AppError(isErrorCode(error.code) ? error.code : 'internal', error.message, {
    extras: { run_id, message_id, ...(partial && { partial }) },
    retryAfterS: error.code === 'upstream_busy' ? (error.retry_after ?? 2) : undefined,
  })

export async function orSilence<T>(work: Promise<T>, ms: number): Promise<T | 'silence'> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<'silence'>((resolve) => {
    timer = setTimeout(() => resolve('silence'), ms)
  })
  try {
    return await Promise.race([work, silence])
  } finally {
    clearTimeout(timer)
  }
}
