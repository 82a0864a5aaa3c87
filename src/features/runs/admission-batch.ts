import { and, eq, sql } from 'drizzle-orm'
import { sayingTokens, type Window } from '../../ai/context-window.ts'
import type { Model } from '../../ai/models.ts'
import type { ShownFile } from '../../ai/shown-files.ts'
import { movedTo } from '../../db/conversation-head.ts'
import { claimKey } from '../../db/idempotency.ts'
import { sessionIsLive } from '../../db/live-session.ts'
import { mustHold } from '../../db/preconditions.ts'
import { conversations, messages, runs } from '../../db/schema/index.ts'
import type { Ctx } from '../../http/context.ts'
import { attach } from '../files/service/attach.ts'
import { includesTier } from '../plans/service/plans.ts'
import { type Need, reserve, reservedAsJson } from '../plans/service/quota.ts'
import { commitRun } from './commit-run.ts'
import type { Job, ReplyRef } from './job.ts'
import type { Place } from './reply-place.ts'
import type { ReplyRequest } from './reply-request.ts'

/** A run as it is to be written. */
export type Planned = { job: Job & { run: ReplyRef }; model: Model; place: Place; files: ShownFile[]; window: Window }

/** What the run needs of the quota, for its first call. */
export const needOf = ({ job, window }: Planned): Need => ({
  runId: job.run.id,
  call: 1,
  inputTokens: job.run.context.tokens,
  outputTokens: window.output,
})

/**
 * The batch that admits a run. Gives what was reserved for it, and the quota after it. What is no longer so undoes it:
 * the preconditions `session_live`, `model_in_plan`, `place_unchanged`, `conversation_free`, FILES_THERE, the key, or the
 * quota.
 */
export async function writeAdmission(ctx: Ctx, request: ReplyRequest, planned: Planned) {
  const { db, user, now, config } = ctx
  const { job, model, place, files } = planned
  const { run } = job
  const need = needOf(planned)
  const { content } = request.prompt
  const times = { createdAt: now, updatedAt: now }
  const ofConversation = { conversationId: run.conversationId, ...times }
  const title = { title: job.naming?.title, titleSource: 'text' as const }
  const statements = [
    mustHold(db, 'session_live', sessionIsLive(sql`${user.sessionId}`, sql`${user.id}`, now)),
    mustHold(db, 'model_in_plan', includesTier(user.id, model.tier)),
    place.conversationId === undefined
      ? db.insert(conversations).values({ id: run.conversationId, userId: user.id, ...title, ...times })
      : mustHold(db, 'place_unchanged', isUnchanged(user.id, request, place)),
    // Before the quota: a conversation that is busy is no reason to upgrade.
    mustHold(db, 'conversation_free', isFree(run.conversationId)),
    ...reserve(db, user.id, need, now),
    ...(content === undefined
      ? []
      : [
          db.insert(messages).values({
            id: run.userMessageId,
            parentId: place.baseId,
            depth: place.depth + 1,
            role: 'user',
            content,
            status: 'completed',
            // Whatever this model counts besides for pictures: others may read it.
            tokens: sayingTokens({ content, files }),
            ...ofConversation,
          }),
          ...attach(db, user.id, run.userMessageId, files),
        ]),
    db.insert(messages).values({
      id: run.messageId,
      parentId: run.userMessageId,
      depth: place.depth + (content === undefined ? 1 : 2),
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
      status: 'in_progress',
      leaseUntil: new Date(now.getTime() + config.RUN_LEASE_MS),
      createdAt: now,
    }),
    db
      .update(conversations)
      .set(movedTo(run.messageId, now, config, job.naming?.title))
      .where(and(eq(conversations.id, run.conversationId), eq(conversations.userId, user.id))),
  ] as const
  const claims = request.idempotency ? [claimKey(db, request.idempotency, run.id, now)] : []
  // The claim comes before the quota: a request that was answered before is no new one to be refused.
  return commitRun(ctx, run.id, [statements[0], ...claims, ...statements.slice(1)])
}

/** No reply is being written; as it is written in the index of active replies. */
const isFree = (conversationId: string) =>
  sql`NOT EXISTS (SELECT 1 FROM runs WHERE conversation_id = ${conversationId} AND status = 'in_progress' AND kind = 'reply')`

/** What is said at the head follows what the prompt ends with; elsewhere in the tree nothing moves. */
const isUnchanged = (userId: string, { prompt }: ReplyRequest, { conversationId, baseId, headId }: Place) => {
  const isAtHead = prompt.content !== undefined && prompt.at !== undefined && !('parentId' in prompt.at)
  const holds = isAtHead
    ? sql`c.head_id IS ${headId}`
    : sql`EXISTS (SELECT 1 FROM messages m WHERE m.id = ${baseId} AND m.conversation_id = c.id)`
  return sql`EXISTS (SELECT 1 FROM conversations c WHERE c.id = ${conversationId!} AND c.user_id = ${userId} AND ${holds})`
}
