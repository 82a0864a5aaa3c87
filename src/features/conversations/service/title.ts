import { and, desc, eq, isNull, sql } from 'drizzle-orm'
import { isOwnConversation } from '../../../db/own-conversation.ts'
import { conversations, messages } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { titleOf } from '../../../lib/titles.ts'
import { attachmentsOf } from '../../files/service/attach.ts'
import { requestTitle } from '../../runs/service.ts'

/**
 * Gives one's own conversation a new title, in place of whatever it has: by a model, or by the words that it begins with
 * where there is no TITLE_MODEL, no quota left for it, or no answer. Asked twice it names twice.
 * @throws AppError `not_found`, `conflict` when nothing was said yet, `runner_unavailable`
 */
export async function nameConversation(ctx: Ctx, id: string) {
  const { db } = ctx
  const mine = isOwnConversation(ctx, id)
  const [there, [opening]] = await db.batch([
    db.select({ id: conversations.id }).from(conversations).where(mine),
    // Of the wordings of the opening the newest.
    db
      .select({ content: messages.content, attachments: attachmentsOf(sql`messages.id`).as('attachments') })
      .from(messages)
      .innerJoin(conversations, mine)
      .where(and(eq(messages.conversationId, id), isNull(messages.parentId)))
      .orderBy(desc(messages.id))
      .limit(1),
  ])
  if (there.length === 0) throw notFound()
  if (!opening) throw new AppError('conflict', 'Nothing was said in it yet')
  const words = opening.content || opening.attachments.map(({ name }) => name).join(', ')
  const named = await requestTitle(ctx, id, words)
  const row = await (named === undefined
    ? db
        .update(conversations)
        .set({ title: titleOf(words), titleSource: 'text' })
        .where(mine)
        .returning()
        .get()
    : db.select().from(conversations).where(mine).get())
  if (!row) throw notFound()
  return row
}
