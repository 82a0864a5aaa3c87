import { sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { moderated, moderates, selectView } from './access.ts'
import { submit } from './submit.ts'

const EXCEPTIONS = 100

/** The id of the user who has this name, or else of the chatbot in the channel, or banned from it, that has it for a handle. */
async function findId({ db }: Ctx, channelId: string, name: string): Promise<string | null> {
  const there = (table: 'channel_members' | 'channel_bans', column: 'member_id' | 'user_id') =>
    sql`EXISTS (SELECT 1 FROM ${sql.raw(table)} WHERE channel_id = ${channelId} AND ${sql.raw(column)} = b.id)`
  const row = await db
    .select({ id: sql<string>`id`.as('id') })
    .from(
      sql`(SELECT id, 0 AS rank FROM users WHERE username = ${name.toLowerCase()} AND deleted_at IS NULL UNION ALL
        SELECT b.id, 1 FROM chatbots b WHERE b.handle = ${name.toLowerCase()} AND b.deleted_at IS NULL
          AND (${there('channel_members', 'member_id')} OR ${there('channel_bans', 'user_id')}))`,
    )
    .orderBy(sql`rank`)
    .limit(1)
    .get()
  return row?.id ?? null
}

/**
 * Bans who has this name, member or not: when this returns, nothing of the channel reaches their sockets any more. Doing it again
 * changes nothing.
 * @throws AppError `self_ban`, `not_found` for an unknown name too, `banned`, `forbidden`, `direct_channel`
 */
export async function banUser(ctx: Ctx, channelId: string, username: string, reason: string | null) {
  const { user, requestId, newId } = ctx
  const target = await findId(ctx, channelId, username)
  if (target === user.id) throw new AppError('self_ban')
  const ids = { command_id: newId(), audit_id: newId(), request_id: requestId }
  await submit(ctx, channelId, { type: 'member.ban', actor: user.id, target, reason, ...ids })
  return channelWithExceptions(ctx, channelId)
}

/**
 * Lifts a ban. Who was banned may join again, but does not by this.
 * @throws AppError `not_found` for an unknown name too, `banned`, `forbidden`, `direct_channel`
 */
export async function unbanUser(ctx: Ctx, channelId: string, username: string) {
  const { user, requestId, newId } = ctx
  const target = await findId(ctx, channelId, username)
  const ids = { command_id: newId(), audit_id: newId(), request_id: requestId }
  await submit(ctx, channelId, { type: 'member.unban', actor: user.id, target, ...ids })
  return channelWithExceptions(ctx, channelId)
}

const selectBans = (db: Db, channelId: string, moderator: string, more = sql`true`) =>
  db
    .select({
      id: sql<string>`b.user_id`.as('user_id'),
      createdAt: sql<number>`b.created_at`.as('created_at'),
      username: sql<string | null>`coalesce(iif(u.deleted_at IS NULL, u.username, NULL), bot.handle)`.as('username'),
      displayName: sql<string>`coalesce(u.display_name, bot.name, 'Deleted user')`.as('display_name'),
    })
    .from(sql`channel_bans b LEFT JOIN users u ON u.id = b.user_id
      LEFT JOIN chatbots bot ON u.id IS NULL AND bot.id = b.user_id AND bot.deleted_at IS NULL`)
    .where(sql`b.channel_id = ${channelId} AND ${moderates(moderator, channelId)} AND ${more}`)
    .orderBy(sql`b.created_at, b.user_id`)

async function channelWithExceptions({ db, user }: Ctx, channelId: string) {
  const [view, bans] = await db.batch([
    selectView(db, user.id, channelId),
    selectBans(db, channelId, user.id).limit(EXCEPTIONS),
  ])
  return { channel: moderated(view), bans }
}

/** One page of who is banned, the oldest ban first. @throws AppError `not_found`, `banned`, `forbidden`, `direct_channel` */
export async function listBanned({ db, user }: Ctx, channelId: string, page: PageRequest) {
  const list = `bans:${channelId}`
  const [at, id] = keyAfter(page, list, ['number', 'string']) ?? [-1, '']
  const after = sql`(b.created_at, b.user_id) > (CAST(${at} AS INTEGER), ${id})`
  const [view, rows] = await db.batch([
    selectView(db, user.id, channelId),
    selectBans(db, channelId, user.id, after).limit(page.limit + 1),
  ])
  moderated(view)
  return pageOf(rows, page, list, (row) => [row.createdAt, row.id])
}
