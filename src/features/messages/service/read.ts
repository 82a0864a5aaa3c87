import { and, asc, eq, getTableColumns, gt, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { branchFrom } from '../../../db/message-branch.ts'
import { MAX_SIBLINGS } from '../../../db/message-place.ts'
import { isOwnConversation } from '../../../db/own-conversation.ts'
import { keyAfter, type Page, type PageRequest, pageOf } from '../../../db/pages.ts'
import { type Given, prepared } from '../../../db/prepared.ts'
import { conversations, messages, runs } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { invalid, notFound } from '../../../http/errors.ts'
import { attachmentsOf } from '../../files/service/attach.ts'
import type { MessageWithRun } from '../wire.ts'

/** What its run and its files add to a message. No name of a message's own: D1 answers a batch by name. */
const besides = (messageId: SQL) => ({
  context: runs.context,
  usage: runs.usage,
  warnings: runs.warnings,
  errorCode: runs.errorCode,
  errorMessage: runs.errorMessage,
  retryable: runs.retryable,
  attachments: attachmentsOf(messageId).as('attachments'),
})

/** Of the texts of one page, as they are estimated: about 3 MB. The longest message has a third of it. */
const PAGE_TOKENS = 1_000_000

/** Read from an index, of which each takes a row; the parent of a root is null. */
const countSiblings = sql<number | null>`(SELECT count(*) FROM (SELECT 1 FROM messages s
  WHERE s.conversation_id = branch.conversation_id AND s.parent_id IS branch.parent_id LIMIT ${sql.raw(`${MAX_SIBLINGS}`)}))`

/** What a list of a branch tells besides its messages. */
type Besides = { siblings?: boolean }

type Values = { owner?: string; conversationId: string; from: string | undefined; limit: number }
type Form = { isOwned: boolean; isFrom: boolean; hasSiblings: boolean }

/**
 * Up to `limit` messages of `owner`'s conversation, or of anybody's: of the branch that ends at `from`, or else of the active one, newest
 * first; fewer when they are long.
 */
const selectBranch = prepared((db, given: Given<Values>, { isOwned, isFrom, hasSiblings }: Form) => {
  const id = given('conversationId')
  const owner = isOwned ? sql`${given('owner')}` : sql`(SELECT user_id FROM conversations WHERE id = ${id})`
  // A cursor may name any message; only one of this conversation is a place in it.
  const end = isFrom
    ? sql`SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id
        WHERE m.id = ${given('from')} AND c.id = ${id} AND c.user_id = ${owner}`
    : sql`SELECT head_id FROM conversations WHERE id = ${id} AND user_id = ${owner}`
  const branch = branchFrom(db, end, given('limit'), PAGE_TOKENS)
  return db
    .with(branch)
    .select({
      ...branch._.selectedFields,
      ...besides(sql`branch.id`),
      siblings: (hasSiblings ? countSiblings : sql<number | null>`NULL`).as('siblings'),
    })
    .from(branch)
    .leftJoin(runs, eq(runs.id, branch.runId))
    .orderBy(sql`place`)
})

/**
 * One page of a branch, of the active one or of that which ends at message `leaf`: the newest `limit` messages first, then
 * older ones; within a page in the order in which they were said. Nothing that is said meanwhile moves a page.
 * @throws AppError `not_found`, `validation_failed` for a cursor that is not of this list, or whose place was deleted
 */
export async function listMessages(
  ctx: Ctx,
  conversationId: string,
  { leaf: leafId, ...page }: PageRequest & Besides & { leaf?: string },
) {
  const { db, user } = ctx
  const [mine, items] = await db.batch([
    db.select({ id: conversations.id }).from(conversations).where(isOwnConversation(ctx, conversationId)),
    selectMessages(db, user.id, conversationId, page, leafId),
  ])
  if (mine.length === 0) throw notFound()
  if (items.length === 0 && page.cursor !== undefined) {
    throw invalid([{ pointer: 'query:cursor', detail: 'What was at this place is deleted: begin anew' }])
  }
  if (items.length === 0 && leafId !== undefined) throw notFound()
  return pageOfMessages(items, conversationId)
}

/**
 * Statement for the rows of one page of `owner`'s conversation, newest first.
 * @throws AppError `validation_failed` for a foreign cursor
 */
export function selectMessages(
  db: Db,
  owner: string,
  conversationId: string,
  page: PageRequest & Besides,
  leafId?: string,
) {
  const from = keyAfter(page, listOf(conversationId), ['string'])?.[0] ?? leafId
  const form = { isOwned: true, isFrom: from !== undefined, hasSiblings: page.siblings === true }
  return selectBranch(db, { owner, conversationId, from, limit: page.limit }, form)
}

/** The same of anybody's conversation, for administrators. @throws AppError `validation_failed` for a foreign cursor */
export function selectAnybodysMessages(db: Db, conversationId: string, page: PageRequest) {
  const [from] = keyAfter(page, listOf(conversationId), ['string']) ?? []
  const form = { isOwned: false, isFrom: from !== undefined, hasSiblings: false }
  return selectBranch(db, { conversationId, from, limit: page.limit }, form)
}

/** The page that those rows make. The branch is a chain: the oldest message of a page names the first of the next. */
export const pageOfMessages = (rows: MessageWithRun[], conversationId: string): Page<MessageWithRun> => {
  const parentId = rows.at(-1)?.parentId ?? null
  const next = parentId === null ? undefined : { list: listOf(conversationId), key: [parentId] }
  return { items: rows.toReversed(), next }
}

const listOf = (conversationId: string) => `messages:${conversationId}`

/** The id of the user's conversation that message `id` is in, for a condition. */
export const conversationOf = (userId: string, id: string) => sql`(SELECT c.id FROM messages m
  JOIN conversations c ON c.id = m.conversation_id AND c.user_id = ${userId} WHERE m.id = ${id})`

/** @throws AppError `not_found`, also when the message is in somebody else's conversation */
export async function getMessage({ db, user }: Ctx, id: string): Promise<MessageWithRun> {
  const row = await db
    .select({ ...getTableColumns(messages), ...besides(sql`messages.id`) })
    .from(messages)
    .innerJoin(conversations, and(eq(conversations.id, messages.conversationId), eq(conversations.userId, user.id)))
    .leftJoin(runs, eq(runs.id, messages.runId))
    .where(eq(messages.id, id))
    .get()
  if (!row) throw notFound()
  return row
}

/**
 * One page of the messages that stand where message `id` does, itself among them, oldest first: the wordings of a question,
 * or the answers to one.
 * @throws AppError `not_found`, `validation_failed` for a cursor that is not of this list
 */
export async function listSiblings({ db, user }: Ctx, id: string, page: PageRequest): Promise<Page<MessageWithRun>> {
  const list = `siblings:${id}`
  const after = keyAfter(page, list, ['string'])
  const own = db
    .select({ conversationId: messages.conversationId, parentId: messages.parentId })
    .from(messages)
    .innerJoin(conversations, and(eq(conversations.id, messages.conversationId), eq(conversations.userId, user.id)))
    .where(eq(messages.id, id))
  const itself = own.as('own')
  const siblings = db
    .select({ ...getTableColumns(messages), ...besides(sql`messages.id`) })
    .from(itself)
    .innerJoin(
      messages,
      // IS, as the parent of a root is null.
      and(eq(messages.conversationId, itself.conversationId), sql`${messages.parentId} IS ${itself.parentId}`),
    )
    .leftJoin(runs, eq(runs.id, messages.runId))
    .where(after && gt(messages.id, after[0]))
    .orderBy(asc(messages.id))
    .limit(page.limit + 1)
  const [there, rows] = await db.batch([own, siblings])
  if (there.length === 0) throw notFound()
  return pageOf(rows, page, list, (row) => [row.id])
}
