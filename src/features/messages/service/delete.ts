import { sql } from 'drizzle-orm'
import { leafBelow } from '../../../db/message-branch.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { conversations, messages, runs } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'

/**
 * Deletes a message with all that was said after it, in every branch. When the head goes too, the newest branch through the
 * message before becomes the active one.
 * @throws AppError `not_found`, `run_active` when one of them is being written
 */
export async function deleteMessage({ db, user }: Ctx, id: string): Promise<void> {
  const mine = sql`SELECT m.id, m.parent_id, m.conversation_id FROM messages m JOIN conversations c
    ON c.id = m.conversation_id AND c.user_id = ${user.id} WHERE m.id = ${id}`
  const doomed = sql`WITH RECURSIVE doomed(id) AS (
    SELECT id FROM (${mine}) UNION ALL SELECT m.id FROM doomed JOIN messages m ON m.parent_id = doomed.id
  ) SELECT id FROM doomed`
  const conversationId = sql`(SELECT conversation_id FROM (${mine}))`
  try {
    await db.batch([
      mustHold(db, 'message_there', sql`EXISTS (${mine})`),
      mustHold(
        db,
        'no_active_run',
        sql`NOT EXISTS (SELECT 1 FROM messages WHERE id IN (${doomed}) AND status = 'in_progress')`,
      ),
      db
        .update(conversations)
        .set({
          headId: sql`iif(head_id IN (${doomed}),
            (${leafBelow(conversationId, sql`SELECT parent_id FROM (${mine})`, sql`${id}`)}), head_id)`,
        })
        .where(sql`id = ${conversationId}`),
      db.delete(runs).where(sql`id IN (SELECT run_id FROM messages WHERE id IN (${doomed}))`),
      db.delete(messages).where(sql`id IN (${doomed})`),
    ])
  } catch (error) {
    const unmet = unmetPrecondition(error)
    if (unmet === 'message_there') throw notFound()
    if (unmet === 'no_active_run') throw new AppError('run_active', 'Wait for the reply, or cancel its run')
    throw error
  }
}

/**
 * Statement that makes the newest branch through message `headId` the active one of the user's conversation.
 * No row comes back when either is not there.
 */
export const switchBranch = ({ db, user }: Ctx, conversationId: string, headId: string) =>
  db
    .update(conversations)
    .set({ headId: sql`(${leafBelow(sql`${conversationId}`, sql`SELECT ${headId}`)})` })
    .where(
      sql`id = ${conversationId} AND user_id = ${user.id}
        AND EXISTS (SELECT 1 FROM messages WHERE id = ${headId} AND conversation_id = ${conversationId})`,
    )
    .returning()
