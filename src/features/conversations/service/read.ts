import { and, desc, eq, getTableColumns, isNotNull, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { isOwnConversation } from '../../../db/own-conversation.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { conversations, conversationTags } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import { newestMessages } from '../../messages/service/read.ts'

const MAX_MESSAGES = 100

type StoredConversation = typeof conversations.$inferSelect

/** Which conversations are asked for: `tag` or one of the two before it, each of which has an index. */
export type ConversationFilter = { isArchived?: boolean; isPinned?: boolean; projectId?: string; tag?: string }

/**
 * One page of the caller's conversations, last used first. Temporary ones are in no list.
 * @throws AppError `validation_failed` for a cursor of another list
 */
export async function listConversations(ctx: Ctx, { limit, cursor, ...filter }: ConversationFilter & PageRequest) {
  const page = { limit, cursor }
  const { isArchived = false, isPinned = false, projectId = '', tag = '' } = filter
  const list = `conversations:${JSON.stringify([isArchived, isPinned, projectId, tag])}`
  const after = keyAfter(page, list, ['number', 'string'])
  const rows = await (tag ? selectTagged : selectListed)(ctx, filter, after).limit(limit + 1)
  return pageOf(rows, page, list, keyOf)
}

type Key = [number, string] | undefined
const keyOf = (row: StoredConversation): [number, string] => [row.updatedAt.getTime(), row.id]

const isOlder = (than: Key) => than && sql`(updated_at, id) < (${than[0]}, ${than[1]})`

const stateOf = ({ isArchived }: ConversationFilter) => (isArchived ? 'archived' : 'active')

const selectListed = ({ db, user }: Ctx, filter: ConversationFilter, after: Key) =>
  db
    .select()
    .from(conversations)
    .where(
      and(
        eq(conversations.userId, user.id),
        eq(conversations.state, stateOf(filter)),
        filter.isPinned ? isNotNull(conversations.pinnedAt) : undefined,
        filter.projectId ? isInProject(user.id, filter.projectId) : undefined,
        isOlder(after),
      ),
    )
    .orderBy(desc(conversations.updatedAt), desc(conversations.id))
    .$dynamic()

/** By way of the project: somebody else's is not walked through in search of what is one's own. */
const isInProject = (userId: string, id: string) =>
  sql`project_id = (SELECT id FROM projects WHERE id = ${id} AND user_id = ${userId})`

const selectTagged = ({ db, user }: Ctx, filter: ConversationFilter, after: Key) =>
  db
    .select(getTableColumns(conversations))
    .from(conversationTags)
    .innerJoin(conversations, eq(conversations.id, conversationTags.conversationId))
    .where(
      and(
        eq(conversationTags.userId, user.id),
        eq(conversationTags.tag, filter.tag!),
        eq(conversationTags.state, stateOf(filter)),
        after && sql`(conversation_tags.updated_at, conversation_id) < (${after[0]}, ${after[1]})`,
      ),
    )
    .orderBy(desc(conversationTags.updatedAt), desc(conversationTags.conversationId))
    .$dynamic()

/**
 * Statement for the rows of one page of somebody's conversations, the archived among them, and not the temporary ones. It
 * merges two walks through the index of lists, and reads no more of both than it gives.
 * @throws AppError `validation_failed` for a foreign cursor
 */
export const selectKeptConversations = (db: Db, userId: string, page: PageRequest) => {
  const after = keyAfter(page, KEPT, ['number', 'string'])
  const inState = (state: 'active' | 'archived') =>
    db
      .select()
      .from(conversations)
      .where(and(eq(conversations.userId, userId), eq(conversations.state, state), isOlder(after)))
  return inState('active')
    .unionAll(inState('archived'))
    .orderBy(sql`updated_at DESC, id DESC`)
    .limit(page.limit + 1)
}

const KEPT = 'conversations:kept'

/** The page that those rows make. */
export const pageOfKeptConversations = (rows: StoredConversation[], page: PageRequest) =>
  pageOf(rows, page, KEPT, keyOf)

/** A conversation with the newest messages of its branch, oldest of them first. @throws AppError `not_found` */
export async function getConversation(ctx: Ctx, id: string) {
  const { db, user } = ctx
  const [[conversation], newest] = await db.batch([
    db.select().from(conversations).where(isOwnConversation(ctx, id)),
    newestMessages(db, user.id, id, MAX_MESSAGES, { siblings: true }),
  ])
  if (!conversation) throw notFound()
  return { conversation, messages: newest.reverse() }
}
