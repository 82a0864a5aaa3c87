import type { Ctx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import { describeError } from '../../http/log.ts'
import type { NewRunEvent, RunEvent } from '../../lib/run-events.ts'
import { admit } from './admission.ts'
import { callRunner } from './call-runner.ts'
import { follow, type RunFeed } from './follow.ts'
import { toRunFault } from './generate.ts'
import {
  closingEvents,
  createdEvent,
  type Ending,
  type Job,
  type Result,
  type RunRef,
  runnerOfConversation,
} from './job.ts'
import { isAlive, toRunRef } from './recovery.ts'
import type { ReplyRequest } from './reply-request.ts'
import type { StoredRun } from './schemas/run.ts'
import { settle, toEnding } from './settle.ts'
import { type FoundRun, findActiveReply, readRun } from './stored-run.ts'
import { NO_USAGE } from './usage.ts'

export type { RunFeed } from './follow.ts'
export { freeConversation } from './recovery.ts'
export type { ReplyRequest } from './reply-request.ts'
export { cancelRun } from './stored-run.ts'

/** A feed of a reply, which always has a message. */
export type ReplyFeed = RunFeed & { run: { messageId: string; conversationId: string } }

/**
 * Asks for a reply; gives its events, after `lastEventId` when the same key was used before, or `ended` when nothing
 * follows; `whole` gives them from the start all the same. Once it resolves the run goes on without us; should the client leave before, it is handed over all the same.
 * @throws AppError as `admit`, and `runner_unavailable`
 */
export function startReply(
  ctx: Ctx,
  request: ReplyRequest,
  lastEventId: number,
  whole = false,
): Promise<ReplyFeed | 'ended'> {
  const work = (async () => {
    const admission = await admit(ctx, request)
    const { quota } = admission
    if ('job' in admission) return { ...(await handOver(ctx, admission.job)), quota } as ReplyFeed
    const feed = await watchRun(ctx, admission.replayOf, lastEventId, whole)
    return feed === 'ended' ? feed : ({ ...feed, quota, replayed: true } as ReplyFeed)
  })()
  ctx.waitUntil(work.catch(() => {}))
  return work
}

/** Gives the run to its Runner. When that fails the run ends as failed and free of charge, without it if need be. */
async function handOver(ctx: Ctx, job: Job): Promise<RunFeed> {
  const { run } = job
  try {
    const watch = await callRunner(ctx, run.runner!, (runner) => runner.start(job))
    if (watch.kind !== 'stream') throw new AppError('runner_unavailable')
    return follow(ctx, run, watch.stream, 0)
  } catch (error) {
    const ending: Ending = { status: 'failed', error: toRunFault('runner_unavailable') }
    const result: Result = { ending, text: '', sources: [], usage: NO_USAGE, attempts: [] }
    const lastSeq = eventsOf(run, result).length
    // It may have begun all the same. Should all of this fail, the run's lease runs out and recovery ends it.
    await callRunner(ctx, run.runner!, (runner) => runner.abandon(run))
      .catch(() => settle(ctx.db, run, { ...result, lastSeq, endedAt: Date.now() }))
      .catch((failure) => ctx.log('error', 'settlement_failed', { run_id: run.id, ...describeError(failure) }))
    throw new AppError('runner_unavailable', undefined, {
      extras: { run_id: run.id, message_id: run.messageId ?? undefined },
      retryAfterS: 1,
      cause: error,
    })
  }
}

/**
 * The events of one's own run after number `after`: live, from the log, or told again; `ended` when nothing follows.
 * With `whole` they are from the start, unless nothing follows `after`.
 * @throws AppError `not_found`, `runner_unavailable`
 */
export const watchRun = async (ctx: Ctx, id: string, after: number, whole = false): Promise<RunFeed | 'ended'> =>
  watchStored(ctx, (await readRun(ctx, id)).run, after, whole)

/**
 * The reply that is being written in one's own conversation, from its start; `idle` when there is none.
 * @throws AppError `not_found`, `runner_unavailable`
 */
export async function watchConversation(ctx: Ctx, id: string): Promise<RunFeed | 'idle'> {
  const run = await findActiveReply(ctx, id)
  const feed = run && (await watchStored(ctx, run, 0, true))
  return feed === undefined || feed === 'ended' ? 'idle' : feed
}

async function watchStored(ctx: Ctx, stored: StoredRun, after: number, whole: boolean): Promise<RunFeed | 'ended'> {
  const { id } = stored
  let run = stored
  const ref = toRunRef(run)
  const watch = (from: number) => callRunner(ctx, ref.runner!, (runner) => runner.watch(id, from))
  let found = await watch(after)
  for (let pauseMs = 20; found.kind === 'unknown' && run.status === 'in_progress'; pauseMs *= 2) {
    // It is on its way to its Runner, or it is lost and ends by being asked for.
    if (await isAlive(ctx, run)) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    found = await watch(after)
    if (found.kind === 'unknown') run = (await readRun(ctx, id)).run
  }
  if (found.kind === 'end' || (found.kind === 'unknown' && after === run.lastSeq)) return 'ended'
  if (found.kind === 'stream' && (after === 0 || !whole)) return follow(ctx, ref, found.stream, after)
  if (found.kind === 'stream') await found.stream.cancel()
  const fromStart = found.kind === 'unknown' ? found : await watch(0)
  const seen = found.kind === 'stream' ? { skip: after } : { reset: after > 0 }
  if (fromStart.kind === 'stream') return { ...follow(ctx, ref, fromStart.stream, 0), ...seen }
  return { ...retold(await readRun(ctx, id)), reset: after > 0 }
}

/** One's own run with the text so far. @throws AppError `not_found`, `runner_unavailable` */
export async function getRun(ctx: Ctx, id: string) {
  const found = await readRun(ctx, id)
  if (found.run.status !== 'in_progress') return found
  const live = await callRunner(ctx, found.run.runner!, (runner) => runner.text(id))
  if (live !== undefined) return { ...found, content: live }
  await isAlive(ctx, found.run)
  // It may have ended since, or by being asked for.
  return readRun(ctx, id)
}

/**
 * Has a model name one's own conversation that begins with `content`, and stores the title, also over the user's own. It is
 * done even if the client leaves. `undefined` when no model did.
 * @throws AppError `runner_unavailable`
 */
export function requestTitle(ctx: Ctx, conversationId: string, content: string): Promise<string | undefined> {
  const untitled = { conversationId, userId: ctx.user.id, content, runId: ctx.newId() }
  const work = callRunner(ctx, runnerOfConversation(conversationId), (runner) => runner.writeTitle(untitled, true))
  ctx.waitUntil(work.catch(() => {}))
  return work
}

/** The log of a run is kept for minutes, its message for ever: the events as the message tells them. */
function retold({ run, content, sources }: FoundRun): RunFeed {
  const ref = toRunRef(run)
  const usage = run.usage ?? NO_USAGE
  const events = eventsOf(ref, { ending: toEnding(run), text: content, sources, usage, attempts: [] })
  // The last ones keep their numbers, so that a client which has the terminal one is told that nothing follows.
  const isOpening = (event: NewRunEvent) => event.type === 'run.created' || event.type === 'message.delta'
  const shift = run.lastSeq! - events.length
  const numbered = events.map((event, at) => ({
    run_id: run.id,
    seq: at + 1 + (isOpening(event) ? 0 : shift),
    ...event,
  })) as RunEvent[]
  const groups = (async function* () {
    yield numbered
  })()
  const nothing = async () => {}
  return { run: ref, groups, stop: nothing, keep: nothing, reset: false, skip: 0, replayed: false }
}

const eventsOf = (run: RunRef, result: Result): NewRunEvent[] => [
  createdEvent(run),
  ...(result.text ? [{ type: 'message.delta' as const, offset: 0, delta: result.text }] : []),
  ...closingEvents(run, result, true),
]
