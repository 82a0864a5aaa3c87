import { and, count, eq, notExists, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { conversations, messages, runs, sharedMessages, shares } from '../../../db/schema/index.ts'
import type { Ctx, OwnerCtx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { cancelRun } from '../../runs/service.ts'

/** A run may begin between its predecessor's end and the deletion; more than this is somebody writing on. */
const DELETE_ROUNDS = 3
const REMOVED_AT_ONCE = 25
const MESSAGES_AT_ONCE = 2_000
/** Rounds of one request for a long conversation. */
const LONG_ROUNDS = 25

/**
 * Deletes a conversation with its messages and runs. A reply that is being written is cancelled and settled first:
 * what it used is counted.
 * @throws AppError `not_found`, `run_active` when somebody keeps writing, `runner_unavailable`, `overloaded` when it is so
 *   long that it takes another request
 */
export async function deleteConversation(ctx: Ctx, id: string): Promise<void> {
  const which = sql`SELECT id FROM conversations WHERE id = ${id} AND user_id = ${ctx.user.id}`
  for (let round = 1; round <= LONG_ROUNDS; round++) {
    const removed = await removeConversations(ctx, which, MESSAGES_AT_ONCE)
    if (removed.conversations > 0) return
    if (removed.messages === 0) throw notFound()
  }
  throw new AppError('overloaded', 'It is long: a part of it is gone, ask again for the rest', { retryAfterS: 1 })
}

/** How much was removed; nothing at all when nothing is left. */
export type Removed = { conversations: number; messages: number }

/**
 * Removes a bounded number of the user's conversations and messages. The newest stay for last, where a reply may be going on.
 * @throws AppError as `deleteConversation`
 */
export const removeSomeConversations = (ctx: OwnerCtx): Promise<Removed> =>
  removeConversations(
    ctx,
    sql`SELECT id FROM conversations WHERE user_id = ${ctx.user.id} ORDER BY updated_at, id LIMIT ${REMOVED_AT_ONCE}`,
    MESSAGES_AT_ONCE,
  )

/**
 * Removes a bounded number of the conversations and messages of one of the user's projects.
 * @throws AppError as `deleteConversation`
 */
export const removeSomeOfProject = (ctx: OwnerCtx, projectId: string): Promise<Removed> =>
  removeConversations(
    ctx,
    sql`SELECT id FROM conversations WHERE project_id = (
      SELECT id FROM projects WHERE id = ${projectId} AND user_id = ${ctx.user.id})
      ORDER BY state, updated_at, id LIMIT ${REMOVED_AT_ONCE}`,
    MESSAGES_AT_ONCE,
  )

/** `which` selects the same ids each time, all of them of the user's own. A conversation goes when the last of its messages has. */
async function removeConversations(ctx: OwnerCtx, which: SQL, maxMessages?: number): Promise<Removed> {
  const active = selectActive(ctx.db, which)
  for (let round = 1; round <= DELETE_ROUNDS; round++) {
    try {
      return await removeIdleConversations(ctx.db, which, maxMessages)
    } catch (error) {
      if (unmetPrecondition(error) !== 'no_active_run') throw error
      for (const run of await active) await cancelRun(ctx, run.id, 'deleted')
    }
  }
  throw new AppError('run_active')
}

const selectActive = (db: Db, which: SQL) =>
  db
    .select({ id: runs.id })
    .from(runs)
    .where(and(sql`${runs.conversationId} IN (${which})`, eq(runs.status, 'in_progress')))

/**
 * One batch that removes conversations in which nothing is being written, their shared copies first. It is undone by the
 * precondition `no_active_run`.
 */
export async function removeIdleConversations(
  db: Db,
  which: SQL,
  maxMessages = Number.MAX_SAFE_INTEGER,
): Promise<Removed> {
  // The deepest first: what was said after them goes before them.
  const some = sql`SELECT id FROM messages WHERE conversation_id IN (${which}) ORDER BY depth DESC LIMIT ${maxMessages}`
  const empty = sql`SELECT id FROM (${which}) c WHERE NOT EXISTS (SELECT 1 FROM messages WHERE conversation_id = c.id)`
  const shared = sql`SELECT id FROM shares WHERE conversation_id IN (${which})`
  const [, [counted], , , , , removed] = await db.batch([
    mustHold(db, 'no_active_run', notExists(selectActive(db, which))),
    db.select({ messages: count() }).from(sql`(${some})`),
    db.delete(sharedMessages).where(sql`share_id IN (${shared})`),
    db.delete(shares).where(sql`conversation_id IN (${which})`),
    db.delete(messages).where(sql`id IN (${some})`),
    db.delete(runs).where(sql`conversation_id IN (${empty})`),
    db.delete(conversations).where(sql`id IN (${empty})`).returning({ id: conversations.id }),
  ])
  return { conversations: removed.length, messages: counted!.messages }
}
