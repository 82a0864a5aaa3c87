import { and, count, desc, eq, notExists, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { type Idempotency, once } from '../../db/idempotency.ts'
import { keyAfter, type PageRequest, pageOf } from '../../db/pages.ts'
import { mustHold, unmetPrecondition } from '../../db/preconditions.ts'
import { conversations, messages, runs } from '../../db/schema/index.ts'
import type { Ctx, OwnerCtx } from '../../http/context.ts'
import { AppError, notFound } from '../../http/errors.ts'
import { newestMessages } from '../messages/service/read.ts'
import { cancelRun } from '../runs/service.ts'
import type { ConversationChanges, NewConversation } from './schemas.ts'

const LIST = 'conversations'
const MAX_MESSAGES = 100
/** A run may begin between its predecessor's end and the deletion; more than this is somebody writing on. */
const DELETE_ROUNDS = 3
const REMOVED_AT_ONCE = 25
const MESSAGES_AT_ONCE = 2_000

const owned = (userId: string, id: string) => and(eq(conversations.id, id), eq(conversations.userId, userId))

/** One page of the caller's conversations, last used first. @throws AppError `validation_failed` for a foreign cursor */
export async function listConversations({ db, user }: Ctx, page: PageRequest) {
  return pageOfConversations(await selectConversations(db, user.id, page), page)
}

/** Statement for the rows of one page of somebody's conversations. @throws AppError `validation_failed` for a foreign cursor */
export const selectConversations = (db: Db, userId: string, page: PageRequest) => {
  const after = keyAfter(page, LIST, ['number', 'string'])
  const older = after && sql`(${conversations.updatedAt}, ${conversations.id}) < (${after[0]}, ${after[1]})`
  return db
    .select()
    .from(conversations)
    .where(and(eq(conversations.userId, userId), older))
    .orderBy(desc(conversations.updatedAt), desc(conversations.id))
    .limit(page.limit + 1)
}

/** The page that those rows make. */
export const pageOfConversations = (rows: (typeof conversations.$inferSelect)[], page: PageRequest) =>
  pageOf(rows, page, LIST, (row) => [row.updatedAt.getTime(), row.id])

/**
 * A new conversation, or the one that the same key made before, as it is now.
 * @throws AppError `idempotency_key_reused`, and `not_found` when what the key made is gone
 */
export async function createConversation(ctx: Ctx, { title }: NewConversation, idempotency: Idempotency | undefined) {
  const { db, user, now, newId } = ctx
  const row = {
    id: newId(),
    userId: user.id,
    title,
    titleSource: title === null ? null : ('user' as const),
    createdAt: now,
    updatedAt: now,
  }
  const { id, replayed } = await once(db, idempotency, row.id, now, [db.insert(conversations).values(row)])
  const conversation = await db.select().from(conversations).where(owned(user.id, id)).get()
  if (!conversation) throw notFound()
  return { conversation, replayed }
}

/** A conversation with the newest messages of its branch, oldest of them first. @throws AppError `not_found` */
export async function getConversation({ db, user }: Ctx, id: string) {
  const [[conversation], newest] = await db.batch([
    db.select().from(conversations).where(owned(user.id, id)),
    newestMessages(db, user.id, id, MAX_MESSAGES),
  ])
  if (!conversation) throw notFound()
  return { conversation, messages: newest.reverse() }
}

/** Changes only the fields given. @throws AppError `not_found` */
export async function updateConversation({ db, user, now }: Ctx, id: string, changes: ConversationChanges) {
  const { title } = changes
  const titleSource = title === undefined ? undefined : title === null ? null : 'user'
  const row = await db
    .update(conversations)
    .set({ ...changes, titleSource, updatedAt: now })
    .where(owned(user.id, id))
    .returning()
    .get()
  if (!row) throw notFound()
  return row
}

/**
 * Deletes a conversation with its messages and runs. A reply that is being written is cancelled and settled first:
 * what it used is counted.
 * @throws AppError `not_found`, `run_active` when somebody keeps writing, `runner_unavailable`
 */
export async function deleteConversation(ctx: Ctx, id: string): Promise<void> {
  const removed = await removeConversations(
    ctx,
    sql`SELECT id FROM conversations WHERE id = ${id} AND user_id = ${ctx.user.id}`,
  )
  if (removed.conversations === 0) throw notFound()
}

/**
 * Removes a bounded number of the user's conversations and messages; gives how many. The newest stay for last, where a
 * reply may be going on. When it gives none there are none.
 * @throws AppError as `deleteConversation`
 */
export const removeSomeConversations = (ctx: OwnerCtx) =>
  removeConversations(
    ctx,
    sql`SELECT id FROM conversations WHERE user_id = ${ctx.user.id} ORDER BY updated_at, id LIMIT ${REMOVED_AT_ONCE}`,
    MESSAGES_AT_ONCE,
  )

/** `which` selects ids, all of them of the user's own. A conversation goes when the last of its messages has. */
async function removeConversations(ctx: OwnerCtx, which: SQL, maxMessages = Number.MAX_SAFE_INTEGER) {
  const { db } = ctx
  const active = db
    .select({ id: runs.id })
    .from(runs)
    .where(and(sql`${runs.conversationId} IN (${which})`, eq(runs.status, 'in_progress')))
  // The deepest first: what was said after them goes before them.
  const some = sql`SELECT id FROM messages WHERE conversation_id IN (${which}) ORDER BY depth DESC LIMIT ${maxMessages}`
  const empty = sql`SELECT id FROM (${which}) c WHERE NOT EXISTS (SELECT 1 FROM messages WHERE conversation_id = c.id)`
  for (let round = 1; round <= DELETE_ROUNDS; round++) {
    try {
      const [, [counted], , , removed] = await db.batch([
        mustHold(db, 'no_active_run', notExists(active)),
        db.select({ messages: count() }).from(sql`(${some})`),
        db.delete(messages).where(sql`${messages.id} IN (${some})`),
        db.delete(runs).where(sql`${runs.conversationId} IN (${empty})`),
        db.delete(conversations).where(sql`${conversations.id} IN (${empty})`).returning({ id: conversations.id }),
      ])
      return { conversations: removed.length, messages: counted!.messages }
    } catch (error) {
      if (unmetPrecondition(error) !== 'no_active_run') throw error
      for (const run of await active) await cancelRun(ctx, run.id, 'deleted')
    }
  }
  throw new AppError('run_active')
}
