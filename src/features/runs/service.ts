import type { Ctx, OwnerCtx } from '../../http/context.ts'
import { admit } from './admission.ts'
import { callRunner } from './call-runner.ts'
import type { RunFeed } from './follow.ts'
import { handOver } from './hand-over.ts'
import { runnerOfConversation } from './job.ts'
import { isAlive } from './recovery.ts'
import type { ReplyRequest } from './reply-request.ts'
import { findActiveReply, readRun } from './stored-run.ts'
import { watchRun, watchStored } from './watch.ts'

export { type BareRun, startBareRun, watchAgain } from './bare-run.ts'
export type { RunFeed } from './follow.ts'
export { freeConversation, isAlive } from './recovery.ts'
export type { ReplyRequest } from './reply-request.ts'
export { SCHEMA_TOKENS, searchOffer } from './search-offer.ts'
export { cancelRun, findSameRun, readRun } from './stored-run.ts'
export { watchRun, watchStored } from './watch.ts'

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

/**
 * The reply that is being written in one's own conversation, from its start; `idle` when there is none.
 * @throws AppError `not_found`, `runner_unavailable`
 */
export async function watchConversation(ctx: Ctx, id: string): Promise<RunFeed | 'idle'> {
  const run = await findActiveReply(ctx, id)
  const feed = run && (await watchStored(ctx, run, 0, true))
  return feed === undefined || feed === 'ended' ? 'idle' : feed
}

/** One's own run, or one of a channel that one is in, with the text so far. @throws AppError `not_found`, `runner_unavailable` */
export async function getRun(ctx: OwnerCtx, id: string) {
  const found = await readRun(ctx, id)
  if (found.run.status !== 'in_progress' || found.run.runner === null) return found
  const live = await callRunner(ctx, found.run.runner, (runner) => runner.text(id))
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
