import { sql } from 'drizzle-orm'
import { leafBelow } from '../../../db/message-branch.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { conversations, messages, runs } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import { unlessReplying } from '../active-reply.ts'
import { conversationOf } from './read.ts'

/**
 * Deletes a message with all that was said after it, in every branch. When the head goes too, the newest branch through the
 * message before becomes the active one.
 * @throws AppError `not_found`, `run_active` when one of them is being written
 */
export async function deleteMessage(ctx: Ctx, id: string): Promise<void> {
  const { db, user } = ctx
  const mine = sql`SELECT m.id, m.parent_id, m.conversation_id FROM messages m JOIN conversations c
    ON c.id = m.conversation_id AND c.user_id = ${user.id} WHERE m.id = ${id}`
  const doomed = sql`WITH RECURSIVE doomed(id) AS (
    SELECT id FROM (${mine}) UNION ALL SELECT m.id FROM doomed JOIN messages m ON m.parent_id = doomed.id
  ) SELECT id FROM doomed`
  const conversationId = sql`(SELECT conversation_id FROM (${mine}))`
  const isFree = sql`NOT EXISTS (SELECT 1 FROM messages WHERE id IN (${doomed}) AND status = 'in_progress')`
  const newHead = leafBelow(conversationId, sql`SELECT parent_id FROM (${mine})`, sql`${id}`)
  const remove = () =>
    db.batch([
      mustHold(db, 'message_there', sql`EXISTS (${mine})`),
      mustHold(db, 'no_active_reply', isFree),
      db
        .update(conversations)
        .set({ headId: sql`iif(head_id IN (${doomed}), (${newHead}), head_id)` })
        .where(sql`id = ${conversationId}`),
      db.delete(runs).where(sql`id IN (SELECT run_id FROM messages WHERE id IN (${doomed}))`),
      db.delete(messages).where(sql`id IN (${doomed})`),
    ])
  try {
    await unlessReplying(ctx, conversationOf(user.id, id), 'run_active', remove)
  } catch (error) {
    if (unmetPrecondition(error) === 'message_there') throw notFound()
    throw error
  }
}
