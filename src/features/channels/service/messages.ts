import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { sees } from '../../../db/seen-channels.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { mentionedNames } from '../../../lib/channel-text.ts'
import { sendCommand } from '../../../lib/send-command.ts'
import { MESSAGE, type MessageJson } from '../event-rows.ts'
import { seen, selectView, type View } from './access.ts'
import { submit } from './submit.ts'

/** A message as somebody sees it: `reacted` are the emoji of the viewer's own. */
export type ViewedMessage = { message: MessageJson; reacted: string[] }

/** Statement for messages `m` of `source`, a table expression, that the user may see. */
export const selectMessages = (db: Db, userId: string, channelId: string, source: SQL) =>
  db
    .select({
      message: sql`${sql.raw(MESSAGE)}`.mapWith((json: string): MessageJson => JSON.parse(json)).as('message'),
      reacted: sql`(SELECT json_group_array(emoji) FROM reactions WHERE message_id = m.id AND user_id = ${userId})`
        .mapWith((json: string): string[] => JSON.parse(json))
        .as('reacted'),
    })
    .from(sql`(${source}) m`)
    .where(sees(userId, sql`${channelId}`))
    .$dynamic()

export type Send = {
  content: string
  threadId: string | null
  attachments: string[]
  /** Made by the sender; without one the send is not repeatable. */
  nonce: string | undefined
}

/**
 * Says something in a channel; who is no member of a public one joins it first. The same nonce is the same message, for ever.
 * @throws AppError `not_found`, `banned`, `muted`, `nonce_conflict`, `file_not_found`, `validation_failed` for a thread that is none,
 *   `rate_limit_exceeded`, `overloaded`
 */
export async function sendMessage(ctx: Ctx, channelId: string, { content, threadId, attachments, nonce }: Send) {
  const id = ctx.newId()
  const said = { actor: ctx.user.id, id, nonce: nonce ?? id, content, threadId, attachments }
  const { message, event } = await submit(ctx, channelId, await sendCommand(said))
  // What is new is told in its event already; what was said before may have changed since.
  const frame = event && !message!.duplicate ? JSON.parse(event.frame).data : undefined
  return {
    pushed: frame && { ...frame, nonce: event!.nonce },
    found: frame ? undefined : await getMessage(ctx, channelId, message!.id),
    isDuplicate: message!.duplicate,
  }
}

type HistoryRequest = { limit: number; before_seq?: number; after_seq?: number; around_seq?: number }

const page = (channelId: string, condition: SQL, order: SQL, limit: number) => sql`SELECT * FROM (
  SELECT * FROM channel_messages WHERE channel_id = ${channelId} AND ${condition} ORDER BY seq ${order} LIMIT ${limit})`

const int = (n: number) => sql`CAST(${n} AS INTEGER)`

/**
 * A page of a channel's messages: the newest, those before or around a number, each newest first; or those after one, oldest first. How
 * far the channel had come is read before the rows.
 * @throws AppError `not_found`, `banned`
 */
export async function listMessages(
  { db, user }: Ctx,
  channelId: string,
  { limit, before_seq, after_seq, around_seq }: HistoryRequest,
): Promise<{ view: View; items: ViewedMessage[] }> {
  const [ascending, descending] = [sql.raw('ASC'), sql.raw('DESC')]
  const half = Math.floor(limit / 2)
  const source =
    after_seq !== undefined
      ? page(channelId, sql`seq > ${int(after_seq)}`, ascending, limit)
      : around_seq !== undefined
        ? sql`${page(channelId, sql`seq > ${int(around_seq)}`, ascending, half)} UNION ALL
            ${page(channelId, sql`seq <= ${int(around_seq)}`, descending, limit - half)}`
        : page(channelId, sql`seq < ${int(before_seq ?? Number.MAX_SAFE_INTEGER)}`, descending, limit)
  const [view, items] = await db.batch([
    selectView(db, user.id, channelId),
    selectMessages(db, user.id, channelId, source).orderBy(
      sql`m.seq ${after_seq === undefined ? descending : ascending}`,
    ),
  ])
  return { view: seen(view), items }
}

/** @throws AppError `not_found`, `banned` */
export async function getMessage({ db, user }: Ctx, channelId: string, id: string): Promise<ViewedMessage> {
  const source = sql`SELECT * FROM channel_messages WHERE id = ${id} AND channel_id = ${channelId}`
  const [view, [found]] = await db.batch([
    selectView(db, user.id, channelId),
    selectMessages(db, user.id, channelId, source),
  ])
  seen(view)
  if (!found) throw notFound()
  return found
}

/** A page of the replies to a message, oldest first. @throws AppError `not_found`, `banned` */
export async function listReplies({ db, user }: Ctx, channelId: string, rootId: string, limit: number, after: number) {
  const root = sql`SELECT * FROM channel_messages WHERE id = ${rootId} AND channel_id = ${channelId}`
  const replies = sql`SELECT * FROM channel_messages
    WHERE thread_id = ${rootId} AND channel_id = ${channelId} AND seq > ${int(after)} ORDER BY seq LIMIT ${limit}`
  const [view, [found], items] = await db.batch([
    selectView(db, user.id, channelId),
    selectMessages(db, user.id, channelId, root),
    selectMessages(db, user.id, channelId, replies).orderBy(sql`m.seq`),
  ])
  const seenView = seen(view)
  if (!found) throw notFound()
  return { view: seenView, items }
}

/**
 * Changes one's own words.
 * @throws AppError `not_found`, `banned`, `muted`, `forbidden` for another's, `gone` when it is deleted, `precondition_failed` when it is
 *   not of that version
 */
export async function editMessage(
  ctx: Ctx,
  channelId: string,
  id: string,
  { content, version }: { content: string; version: number | undefined },
): Promise<ViewedMessage> {
  const names = mentionedNames(content)
  const what = { message_id: id, content, names, version }
  await submit(ctx, channelId, { type: 'message.edit', actor: ctx.user.id, command_id: ctx.newId(), ...what })
  return getMessage(ctx, channelId, id)
}

/** Its place remains, empty. @throws AppError `not_found`, `banned`, `forbidden` for another's without moderating */
export async function deleteMessage(ctx: Ctx, channelId: string, id: string): Promise<void> {
  await submit(ctx, channelId, { type: 'message.delete', actor: ctx.user.id, command_id: ctx.newId(), message_id: id })
}

/**
 * What a message said before it was edited, the newest first; for its author and for moderators.
 * @throws AppError `not_found`, `banned`, `forbidden`
 */
export async function listVersions({ db, user }: Ctx, channelId: string, id: string) {
  const mayRead = sql`(m.author_id = ${user.id} OR EXISTS (SELECT 1 FROM channel_members vm
    WHERE vm.channel_id = m.channel_id AND vm.member_id = ${user.id} AND vm.role <> 'member'))`
  const [view, [found], rows] = await db.batch([
    selectView(db, user.id, channelId),
    db
      .select({ allowed: sql<0 | 1>`${mayRead}`.as('allowed') })
      .from(sql`channel_messages m`)
      .where(sql`m.id = ${id} AND m.channel_id = ${channelId}`),
    db
      .select({
        version: sql<number>`v.version`.as('version'),
        content: sql<string>`v.content`.as('content'),
        replacedAt: sql<number>`v.replaced_at`.as('replaced_at'),
      })
      .from(sql`channel_messages m JOIN channel_message_versions v ON v.message_id = m.id`)
      .where(sql`m.id = ${id} AND m.channel_id = ${channelId} AND ${mayRead} AND ${sees(user.id, sql`${channelId}`)}`)
      .orderBy(sql`v.version DESC`)
      .limit(100),
  ])
  seen(view)
  if (!found) throw notFound()
  if (!found.allowed) throw new AppError('forbidden', 'Only its author and moderators see what it said before')
  return rows
}
