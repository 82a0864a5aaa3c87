import { and, desc, eq, gt, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { conversations, messages, runs } from '../../db/schema/index.ts'
import type { OwnerCtx } from '../../http/context.ts'
import { AppError, notFound } from '../../http/errors.ts'
import type { CancelReason, Source } from '../../lib/run-events.ts'
import { callRunner } from './call-runner.ts'
import { toRunRef } from './recovery.ts'
import type { StoredRun } from './wire/run.ts'

/** A run as D1 has it, with the text of its message and what that rests on. */
export type FoundRun = { run: StoredRun; content: string; sources: Source[] }

const ofKeys = (familyId: string | undefined) =>
  familyId === undefined ? undefined : sql`${runs.apiKeyId} IN (SELECT id FROM api_keys WHERE family_id = ${familyId})`

/** What a chatbot writes in a channel its members may read, whoever pays for it, until it is deleted there. */
const isInMyChannel = (userId: string) => sql`EXISTS (SELECT 1 FROM channel_members m
  JOIN channels c ON c.id = m.channel_id AND c.deleted_at IS NULL WHERE m.channel_id = ${runs.channelId} AND m.member_id = ${userId})
  AND NOT EXISTS (SELECT 1 FROM channel_messages said WHERE said.channel_id = ${runs.channelId} AND said.author_id = ${runs.chatbotId}
    AND said.nonce = 'run:' || ${runs.id} AND said.deleted_at IS NOT NULL)`

/** One's own run, or one of a channel that one is in. @throws AppError `not_found`, also when it is somebody else's */
export const readRun = (ctx: OwnerCtx, id: string) =>
  read(ctx, id, or(and(eq(runs.userId, ctx.user.id), isNull(runs.channelId)), isInMyChannel(ctx.user.id)))

/** Whether the caller may read a run now. */
export const isReadable = (ctx: OwnerCtx, id: string): Promise<boolean> =>
  readRun(ctx, id).then(
    () => true,
    (error) => {
      if (error instanceof AppError && error.code === 'not_found') return false
      throw error
    },
  )

async function read({ db, user }: OwnerCtx, id: string, mine: SQL | undefined): Promise<FoundRun> {
  const [row] = await db
    .select({ run: runs, content: messages.content, sources: messages.sources })
    .from(runs)
    .leftJoin(messages, eq(messages.id, runs.messageId))
    .where(and(eq(runs.id, id), mine, ofKeys(user.keyFamily)))
  if (!row) throw notFound()
  return { run: row.run, content: row.content ?? '', sources: row.sources ?? [] }
}

/**
 * The newest run of the caller's, by the same keys if any, that was asked for with the same words after `since`, and that came
 * to something: what was cancelled or gave no output may be asked for anew.
 */
export async function findSameRun(
  { db, user }: OwnerCtx,
  fingerprint: string,
  since: Date,
): Promise<string | undefined> {
  const [newest] = await db
    .select({ id: runs.id, status: runs.status, usage: runs.usage })
    .from(runs)
    .where(
      and(
        eq(runs.fingerprint, fingerprint),
        eq(runs.userId, user.id),
        ofKeys(user.keyFamily),
        gt(runs.createdAt, since),
        isNotNull(runs.runner),
      ),
    )
    .orderBy(desc(runs.id))
    .limit(1)
  if (!newest || newest.status === 'cancelled') return undefined
  const isFruitless = newest.status !== 'in_progress' && (newest.usage?.output_tokens ?? 0) === 0
  return isFruitless ? undefined : newest.id
}

/**
 * The reply that is being written in one's own conversation, if there is one.
 * @throws AppError `not_found`, also when the conversation is somebody else's
 */
export async function findActiveReply({ db, user }: OwnerCtx, conversationId: string): Promise<StoredRun | undefined> {
  const [row] = await db
    .select({ run: runs })
    .from(conversations)
    // As it is written in the index of active replies.
    .leftJoin(
      runs,
      and(eq(runs.conversationId, conversations.id), sql`${runs.status} = 'in_progress' AND ${runs.kind} = 'reply'`),
    )
    .where(and(eq(conversations.id, conversationId), eq(conversations.userId, user.id)))
  if (!row) throw notFound()
  return row.run ?? undefined
}

/** A Worker that owns a run looks from time to time whether it is to stop (`direct-run.ts`). */
const askToStop = (db: Db, id: string, cancelReason: CancelReason) =>
  db
    .update(runs)
    .set({ cancelReason })
    .where(and(eq(runs.id, id), eq(runs.status, 'in_progress')))

/** Ends a run that one pays for; one that no Runner owns soon. One that has ended stays as it is. @throws AppError `not_found`, `runner_unavailable` */
export async function cancelRun(ctx: OwnerCtx, id: string, reason: CancelReason = 'user'): Promise<FoundRun> {
  const isMine = eq(runs.userId, ctx.user.id)
  const found = await read(ctx, id, isMine)
  if (found.run.status !== 'in_progress') return found
  const ref = toRunRef(found.run)
  if (ref.runner === null) await askToStop(ctx.db, id, reason)
  else await callRunner(ctx, ref.runner, (runner) => runner.cancel(ref, reason))
  return read(ctx, id, isMine)
}
