import { sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { moderated, moderates, selectView } from './access.ts'
import { submit } from './submit.ts'

const EXCEPTIONS = 100

/** Who has a name: a user, or a chatbot in the channel, or banned from it, that has it for a handle. */
type Named = { id: string; isUser: boolean; isIn: boolean; isBanned: boolean }

/** The user first. Of chatbots only moderators learn. */
async function findNamed({ db, user }: Ctx, channelId: string, name: string): Promise<Named[]> {
  const handle = name.toLowerCase()
  const isIn = sql`EXISTS (SELECT 1 FROM channel_members WHERE channel_id = ${channelId} AND member_id = p.id)`
  const isBanned = sql`EXISTS (SELECT 1 FROM channel_bans WHERE channel_id = ${channelId} AND user_id = p.id)`
  const rows = await db
    .select({
      id: sql<string>`p.id`.as('id'),
      isUser: sql<number>`p.is_user`.as('is_user'),
      isIn: sql<number>`${isIn}`.as('is_in'),
      isBanned: sql<number>`${isBanned}`.as('is_banned'),
    })
    .from(
      sql`(SELECT id, 1 AS is_user FROM users WHERE username = ${handle} AND deleted_at IS NULL UNION ALL
        SELECT id, 0 FROM chatbots WHERE handle = ${handle} AND deleted_at IS NULL AND ${moderates(user.id, channelId)}) p`,
    )
    .where(sql`p.is_user OR ${isIn} OR ${isBanned}`)
    .orderBy(sql`p.is_user DESC`)
  return rows.map(({ id, ...is }) => ({
    id,
    isUser: is.isUser === 1,
    isIn: is.isIn === 1,
    isBanned: is.isBanned === 1,
  }))
}

/** @throws AppError `conflict` when it may be a user or a chatbot of the channel: nobody is banned in place of another */
async function findToBan(ctx: Ctx, channelId: string, name: string): Promise<string | null> {
  const named = await findNamed(ctx, channelId, name)
  const [first] = named
  if (first?.isUser && named.some(({ isUser, isIn }) => !isUser && isIn)) {
    throw new AppError('conflict', 'A user and a chatbot have this name: take the chatbot out by its id')
  }
  return first?.id ?? null
}

/** Who is banned goes before who is not. */
async function findToUnban(ctx: Ctx, channelId: string, name: string): Promise<string | null> {
  const named = await findNamed(ctx, channelId, name)
  return (named.find(({ isBanned }) => isBanned) ?? named[0])?.id ?? null
}

/**
 * Bans who has this name, member or not: when this returns, nothing of the channel reaches their sockets any more. Doing it again
 * changes nothing.
 * @throws AppError `self_ban`, `not_found` for an unknown name too, `banned`, `forbidden`, `direct_channel`, `conflict` when a user
 *   and a chatbot have the name
 */
export async function banUser(ctx: Ctx, channelId: string, username: string, reason: string | null) {
  const { user, requestId, newId } = ctx
  const target = await findToBan(ctx, channelId, username)
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
  const target = await findToUnban(ctx, channelId, username)
  const ids = { command_id: newId(), audit_id: newId(), request_id: requestId }
  await submit(ctx, channelId, { type: 'member.unban', actor: user.id, target, ...ids })
  return channelWithExceptions(ctx, channelId)
}

const selectBans = (db: Db, channelId: string, moderator: string, more = sql`true`) =>
  db
    .select({
      id: sql<string>`b.user_id`.as('user_id'),
      createdAt: sql<number>`b.created_at`.as('created_at'),
      reason: sql<string | null>`b.reason`.as('reason'),
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
