import { and, desc, eq, getTableColumns, isNotNull, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { isOwnConversation } from '../../../db/own-conversation.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { type Given, prepared } from '../../../db/prepared.ts'
import { conversations, conversationTags } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import { selectMessages } from '../../messages/service/read.ts'

const MAX_MESSAGES = 100

type StoredConversation = typeof conversations.$inferSelect

/** Which conversations are asked for: `tag` or one of the two before it, each of which has an index. */
export type ConversationFilter = { isArchived?: boolean; isPinned?: boolean; projectId?: string; tag?: string }

/**
 * One page of the caller's conversations, last used first. Temporary ones are in no list.
 * @throws AppError `validation_failed` for a cursor of another list
 */
export async function listConversations(
  { db, user }: Ctx,
  { limit, cursor, ...filter }: ConversationFilter & PageRequest,
) {
  const page = { limit, cursor }
  const { isArchived = false, isPinned = false, projectId = '', tag = '' } = filter
  const list = `conversations:${JSON.stringify([isArchived, isPinned, projectId, tag])}`
  const after = keyAfter(page, list, ['number', 'string'])
  const state = isArchived ? 'archived' : 'active'
  const values = { userId: user.id, state, projectId, tag, rows: limit + 1, updatedAt: after?.[0], id: after?.[1] }
  const form = { isPinned, isInProject: projectId !== '', hasCursor: after !== undefined }
  return pageOf(await (tag ? selectTagged : selectListed)(db, values, form), page, list, keyOf)
}

const keyOf = (row: StoredConversation): [number, string] => [row.updatedAt.getTime(), row.id]

type Values = {
  userId: string
  state: string
  projectId: string
  tag: string
  rows: number
  updatedAt: number | undefined
  id: string | undefined
}
type Form = { isPinned: boolean; isInProject: boolean; hasCursor: boolean }

const selectListed = prepared((db, given: Given<Values>, { isPinned, isInProject, hasCursor }: Form) =>
  db
    .select()
    .from(conversations)
    .where(
      and(
        eq(conversations.userId, given('userId')),
        eq(conversations.state, given('state')),
        isPinned ? isNotNull(conversations.pinnedAt) : undefined,
        // By way of the project: somebody else's is not walked through in search of what is one's own.
        isInProject
          ? sql`project_id = (SELECT id FROM projects WHERE id = ${given('projectId')} AND user_id = ${given('userId')})`
          : undefined,
        hasCursor ? sql`(updated_at, id) < (${given('updatedAt')}, ${given('id')})` : undefined,
      ),
    )
    .orderBy(desc(conversations.updatedAt), desc(conversations.id))
    .limit(given('rows')),
)

const selectTagged = prepared((db, given: Given<Values>, { hasCursor }: Pick<Form, 'hasCursor'>) =>
  db
    .select(getTableColumns(conversations))
    .from(conversationTags)
    .innerJoin(conversations, eq(conversations.id, conversationTags.conversationId))
    .where(
      and(
        eq(conversationTags.userId, given('userId')),
        eq(conversationTags.tag, given('tag')),
        eq(conversationTags.state, given('state')),
        hasCursor
          ? sql`(conversation_tags.updated_at, conversation_id) < (${given('updatedAt')}, ${given('id')})`
          : undefined,
      ),
    )
    .orderBy(desc(conversationTags.updatedAt), desc(conversationTags.conversationId))
    .limit(given('rows')),
)

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
      .where(
        and(
          eq(conversations.userId, userId),
          eq(conversations.state, state),
          after && sql`(updated_at, id) < (${after[0]}, ${after[1]})`,
        ),
      )
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
    selectMessages(db, user.id, id, { limit: MAX_MESSAGES, siblings: true }),
  ])
  if (!conversation) throw notFound()
  return { conversation, messages: newest.reverse() }
}
