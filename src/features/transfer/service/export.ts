import { and, eq, sql } from 'drizzle-orm'
import { audited } from '../../../db/audit.ts'
import { conversations } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import { IS_KEPT, projectsAfter, type StoredProject, type Walked, walkConversations } from './pages.ts'

/** A line of an export but its first and its last, as it is stored. */
export type ExportRecord = Walked | { type: 'project'; row: StoredProject }

/**
 * The caller's projects and conversations, or one conversation with its project, read page by page as they are asked for.
 * That it was exported is recorded before the first record comes.
 * @throws AppError `not_found`, also for a temporary conversation
 */
export async function exportConversations(ctx: Ctx, conversationId?: string): Promise<AsyncGenerator<ExportRecord>> {
  const { db, user } = ctx
  if (conversationId === undefined) {
    await audited(ctx, { action: 'user.conversations_exported', target: { type: 'user', id: user.id } })
    return recordsOf(ctx)
  }
  const mine = and(eq(conversations.id, conversationId), eq(conversations.userId, user.id), IS_KEPT)
  const [found] = await db.batch([
    db.select({ id: conversations.id }).from(conversations).where(mine),
    audited(ctx, {
      action: 'conversation.exported',
      target: { type: 'conversation', id: conversationId },
      when: sql`EXISTS (SELECT 1 FROM conversations WHERE id = ${conversationId} AND user_id = ${user.id} AND ${IS_KEPT})`,
    }),
  ])
  if (found.length === 0) throw notFound()
  return recordsOf(ctx, conversationId)
}

async function* recordsOf({ db, user }: Ctx, conversationId?: string): AsyncGenerator<ExportRecord> {
  const one = conversationId !== undefined
  const itsProject = one ? sql`id = (SELECT project_id FROM conversations WHERE id = ${conversationId})` : undefined
  let page = await projectsAfter(db, user.id, '', itsProject)
  for (; page.length > 0; page = await projectsAfter(db, user.id, page.at(-1)!.id, itsProject)) {
    for (const row of page) yield { type: 'project', row }
  }
  yield* walkConversations(db, user.id, one ? and(sql`id = ${conversationId}`, IS_KEPT) : IS_KEPT)
}
