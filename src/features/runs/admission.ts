import { and, desc, eq, sql } from 'drizzle-orm'
import { promptOf, type Said, type Window, windowFor } from '../../ai/context-window.ts'
import type { Model } from '../../ai/models.ts'
import { constraintOf, isTransient } from '../../db/failures.ts'
import { claimKey, type Idempotency, isKeyTaken, resultOf, selectClaim } from '../../db/idempotency.ts'
import { sessionIsLive } from '../../db/live-session.ts'
import { branchFrom } from '../../db/message-branch.ts'
import { mustHold, unmetPrecondition } from '../../db/preconditions.ts'
import { conversations, messages, runs } from '../../db/schema/index.ts'
import type { Ctx } from '../../http/context.ts'
import { AppError, notFound } from '../../http/errors.ts'
import type { Reserved, Warning } from '../../lib/run-events.ts'
import { titleOf } from '../../lib/titles.ts'
import { includesTier } from '../plans/service/plans.ts'
import {
  type Need,
  type Quota,
  quotaRefusal,
  readQuota,
  reserve,
  reservedAsJson,
  selectQuota,
  toQuota,
} from '../plans/service/quota.ts'
import { type Job, runnerOfConversation } from './job.ts'
import { chooseModel } from './model-choice.ts'
import { freeConversation } from './recovery.ts'

/** What a reply is asked for with. Without `conversationId` a conversation is made along with it. */
export type ReplyRequest = {
  conversationId: string | undefined
  content: string
  model?: string
  files: string[]
  internetEnabled: boolean
  cancelOnDisconnect: boolean
  refuseTruncation: boolean
  maxOutputTokens?: number
  idempotency: Idempotency | undefined
}

/** A run that is in D1 and waits for its Runner, or the run that the same request made before; with what is left. */
export type Admission = ({ job: Job } | { replayOf: string }) & { quota: Quota }

/** Two requests may read the same head; the loser reads again. More than that is somebody being busy. */
const MAX_ROUNDS = 4

/**
 * Writes the user's message, the placeholder of the reply and the run, all or nothing. Two round trips: one reads all
 * that must be known, one writes, and is undone by the first thing that is no longer so.
 * @throws AppError `not_found`, `file_not_found`, `model_not_allowed`, `context_too_long`, `conversation_busy`,
 *   `idempotency_key_reused`, `unauthorized`, `plan_limit_reached`, `quota_in_flight`, `too_many_runs`; nothing is
 *   stored then
 */
export async function admit(ctx: Ctx, request: ReplyRequest): Promise<Admission> {
  if (request.files.length > 0) throw new AppError('file_not_found')
  const model = chooseModel(ctx.config, request.model)
  const window = windowFor(model, request.content, request.maxOutputTokens)
  if (window.room < 0) throw tooLong(model, window)
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const state = await read(ctx, request, window.room)
    if (state.replayOf) return { replayOf: state.replayOf, quota: await readQuota(ctx) }
    if (state.isBusy) {
      // The head is a reply that is not finished: whoever composed a prompt now would leave it out.
      const busyWith = await freeConversation(ctx, request.conversationId!)
      if (busyWith) throw busy(busyWith)
      continue
    }
    const planned = plan(ctx, request, model, window, state)
    try {
      const { reserved, quota } = await write(ctx, request, planned)
      return { job: within(planned.job, reserved), quota }
    } catch (error) {
      if (isKeyTaken(error) || unmetPrecondition(error) === 'head_unchanged') continue
      if (unmetPrecondition(error) === 'model_in_plan') throw notInPlan(model)
      const refusal = await quotaRefusal(ctx, error, needOf(planned))
      if (refusal) throw refusal
      if (constraintOf(error) !== 'runs.conversation_id') throw error
      const busyWith = await freeConversation(ctx, planned.job.run.conversationId)
      if (busyWith) throw busy(busyWith)
    }
  }
  throw busy()
}

const busy = (runId?: string) =>
  new AppError('conversation_busy', 'Wait for the reply that is being written, or cancel its run', {
    extras: runId ? { run_id: runId } : {},
    retryAfterS: 2,
  })

const notInPlan = ({ id }: Model) =>
  new AppError('model_not_allowed', `Your plan does not include ${id}: GET /api/v1/plans shows which do`)

const tooLong = (model: Model, { message, output }: Window) =>
  new AppError('context_too_long', `This needs ${message + output} tokens, ${model.id} takes ${model.context}`, {
    extras: { tokens: message + output, limit: model.context },
  })

type State = { replayOf?: string; isBusy: boolean; headId: string | null; depth: number; said: Said[] }

/** The conversation's head, the newest messages that fit into `room` tokens, and what the key was used for before. */
async function read(ctx: Ctx, { conversationId, idempotency }: ReplyRequest, room: number): Promise<State> {
  const { db, user, config } = ctx
  if (conversationId === undefined && !idempotency) return { isBusy: false, headId: null, said: [], depth: 0 }
  const head = sql`SELECT head_id FROM conversations WHERE id = ${conversationId ?? null} AND user_id = ${user.id}`
  const branch = branchFrom(db, head, config.CONTEXT_MAX_MESSAGES - 1, room)
  const [[claim], [conversation], said] = await db.batch([
    selectClaim(db, idempotency ?? { scope: '', route: '', key: '', fingerprint: '' }),
    db
      .select({ headId: conversations.headId, depth: messages.depth, status: messages.status })
      .from(conversations)
      .leftJoin(messages, eq(messages.id, conversations.headId))
      .where(and(eq(conversations.id, conversationId ?? ''), eq(conversations.userId, user.id))),
    db
      .with(branch)
      .select({ role: branch.role, content: branch.content, tokens: branch.tokens })
      .from(branch)
      .orderBy(desc(branch.place)),
  ])
  const replayOf = claim && resultOf(claim, idempotency!)
  if (!replayOf && conversationId !== undefined && !conversation) throw notFound()
  const isBusy = conversation?.status === 'in_progress'
  return { replayOf, isBusy, headId: conversation?.headId ?? null, depth: conversation?.depth ?? 0, said }
}

type Planned = { job: Job; model: Model; depth: number; window: Window; headId: string | null }

/** Ids, prompt and warnings of the run that the request asks for. */
function plan(ctx: Ctx, request: ReplyRequest, model: Model, window: Window, state: State): Planned {
  const { user, now, newId } = ctx
  const depth = state.depth + 1
  const { messages: prompt, context } = promptOf(state.said, request.content, depth, window)
  if (context.dropped > 0 && request.refuseTruncation) {
    throw new AppError('context_too_long', `${context.dropped} older messages do not fit`, {
      extras: { tokens: context.tokens, limit: model.context },
    })
  }
  const conversationId = request.conversationId ?? newId()
  const job: Job = {
    run: {
      id: newId(),
      runner: runnerOfConversation(conversationId),
      userId: user.id,
      conversationId,
      userMessageId: newId(),
      messageId: newId(),
      model: model.id,
      context,
      warnings: request.internetEnabled ? [NO_INTERNET] : [],
      reserved: null,
      createdAt: now.getTime(),
    },
    messages: prompt,
    maxOutputTokens: window.output,
    cancelOnDisconnect: request.cancelOnDisconnect,
  }
  return { job, model, depth, window, headId: state.headId }
}

const NO_INTERNET: Warning = {
  code: 'internet_unavailable',
  detail: 'No web search is configured; the reply is made without it',
}

/** What the run needs of the quota, for its first call. */
const needOf = ({ job, window }: Planned): Need => ({
  runId: job.run.id,
  inputTokens: job.run.context.tokens,
  outputTokens: window.output,
})

/** The job with as much output as there was room for. */
const within = ({ run, ...job }: Job, reserved: Reserved): Job => ({
  ...job,
  run: { ...run, reserved },
  maxOutputTokens: reserved.tokens - run.context.tokens,
})

type Stored = [{ reserved: Reserved | null }[], Parameters<typeof toQuota>[0][]]

/** Gives what was reserved for the run, and the quota after it. */
async function write(ctx: Ctx, request: ReplyRequest, planned: Planned) {
  const { db, user, now, config } = ctx
  const { job, model, depth, window, headId } = planned
  const { run } = job
  const need = needOf(planned)
  const times = { createdAt: now, updatedAt: now }
  const title = titleOf(request.content)
  const ofConversation = { conversationId: run.conversationId, ...times }
  const headUnchanged = sql`EXISTS (SELECT 1 FROM conversations
    WHERE id = ${run.conversationId} AND user_id = ${user.id} AND head_id IS ${headId})`
  const statements = [
    mustHold(db, 'session_live', sessionIsLive(sql`${user.sessionId}`, sql`${user.id}`, now)),
    mustHold(db, 'model_in_plan', includesTier(user.id, model.tier)),
    request.conversationId === undefined
      ? db.insert(conversations).values({ id: run.conversationId, userId: user.id, title, ...times })
      : mustHold(db, 'head_unchanged', headUnchanged),
    ...reserve(db, user.id, need, now),
    db.insert(messages).values({
      id: run.userMessageId,
      parentId: headId,
      depth,
      role: 'user',
      content: request.content,
      status: 'completed',
      tokens: window.message,
      ...ofConversation,
    }),
    db.insert(messages).values({
      id: run.messageId,
      parentId: run.userMessageId,
      depth: depth + 1,
      role: 'assistant',
      content: '',
      status: 'in_progress',
      tokens: 0,
      runId: run.id,
      model: run.model,
      ...ofConversation,
    }),
    db.insert(runs).values({
      ...run,
      reserved: reservedAsJson(need),
      kind: 'reply',
      status: 'in_progress',
      leaseUntil: new Date(now.getTime() + config.RUN_LEASE_MS),
      createdAt: now,
    }),
    db
      .update(conversations)
      .set({ headId: run.messageId, title: sql`coalesce(${conversations.title}, ${title})`, updatedAt: now })
      .where(and(eq(conversations.id, run.conversationId), eq(conversations.userId, user.id))),
  ] as const
  const outcome = [
    db.select({ reserved: runs.reserved }).from(runs).where(eq(runs.id, run.id)),
    selectQuota(db, user.id, now),
  ] as const
  const claims = request.idempotency ? [claimKey(db, request.idempotency, run.id, now)] : []
  const batch = async () => {
    // The claim comes before the quota: a request that was answered before is no new one to be refused.
    const results: readonly unknown[] = await db.batch([statements[0], ...claims, ...statements.slice(1), ...outcome])
    return results.slice(-outcome.length) as Stored
  }
  const [[stored], [row]] = await batch().catch((error) => {
    if (!isTransient(error)) throw error
    // It may have been committed, with the answer lost: then a second time fails, and the run is there.
    return batch().catch(async (again) => {
      const found = await db.batch(outcome)
      if (found[0].length === 0) throw again
      return found as Stored
    })
  })
  return { reserved: stored!.reserved!, quota: toQuota(row!, now) }
}
