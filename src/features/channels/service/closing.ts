import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { channelBans, channelMembers, channelMutes, readState } from '../../../db/schema/index.ts'
import { SWEEP_ROWS } from '../../../db/sweep.ts'
import type { BaseCtx, OwnerCtx } from '../../../http/context.ts'
import { AppError, type ErrorCode } from '../../../http/errors.ts'
import type { Command } from '../../../lib/channel-commands.ts'
import { submit } from './submit.ts'

/** Channels that one round leaves. */
const AT_ONCE = 20
/** For so long it is tried again what a deleted chatbot could not leave. */
const LATE_MS = 7 * 86_400_000

/**
 * Ends a bounded number of the memberships of a closed account and its chatbots, and gives how many; when it gives none there are none.
 * The others hear of it as of everybody who leaves. What it owns goes to its oldest moderator, else to its oldest member, and ends when there is neither.
 * @throws AppError `overloaded` when a channel could not do it now; the others have
 */
export async function leaveSomeChannels(ctx: OwnerCtx): Promise<number> {
  const { db, user } = ctx
  const isTheirs = sql`a.member_id IN (SELECT ${user.id}
    UNION ALL SELECT id FROM chatbots WHERE user_id = ${user.id} AND deleted_at IS NULL
    UNION ALL SELECT id FROM chatbots WHERE user_id = ${user.id} AND deleted_at IS NOT NULL)`
  const [ended, live] = await db.batch([
    // Of these nobody is a member any more.
    db
      .delete(channelMembers)
      .where(
        sql`rowid IN (SELECT a.rowid FROM channel_members a JOIN channels c ON c.id = a.channel_id
          WHERE ${isTheirs} AND c.deleted_at IS NOT NULL LIMIT ${SWEEP_ROWS})`,
      )
      .returning({ id: channelMembers.channelId }),
    db
      .select({ id: sql<string>`c.id`.as('id'), memberId: sql<string>`a.member_id`.as('member_id') })
      .from(sql`channel_members a JOIN channels c ON c.id = a.channel_id AND c.deleted_at IS NULL`)
      .where(isTheirs)
      // By lot: some that cannot be left now must not stand in the way of the others.
      .orderBy(sql`random()`)
      .limit(AT_ONCE),
  ])
  const left = await Promise.allSettled(
    live.map(({ id, memberId }) => (memberId === user.id ? giveUp(ctx, id) : leave(ctx, id, memberId))),
  )
  const failed = left.find((each) => each.status === 'rejected')
  if (failed) throw failed.reason
  return ended.length + live.length
}

/**
 * Takes a chatbot that was deleted out of all channels, some at a time.
 * @throws AppError `overloaded` when one could not do it now; the others have
 */
export async function leaveWithChatbot(ctx: OwnerCtx, chatbotId: string): Promise<void> {
  let failed: PromiseRejectedResult | undefined
  for (let after = ''; ; ) {
    const rows = await ctx.db
      .select({ id: sql<string>`a.channel_id`.as('id') })
      .from(sql`channel_members a JOIN channels c ON c.id = a.channel_id AND c.deleted_at IS NULL`)
      .where(sql`a.member_id = ${chatbotId} AND a.channel_id > ${after}`)
      .orderBy(sql`a.channel_id`)
      .limit(AT_ONCE)
    const left = await Promise.allSettled(rows.map(({ id }) => leave(ctx, id, chatbotId)))
    failed ??= left.find((each) => each.status === 'rejected')
    if (rows.length < AT_ONCE) break
    after = rows.at(-1)!.id
  }
  if (failed) throw failed.reason
}

/** A chore: takes chatbots that were deleted out of channels that could not be reached then. */
export async function leaveWithDeletedChatbots(ctx: BaseCtx): Promise<void> {
  const { db, now, log } = ctx
  const rows = await db
    .select({ id: sql<string>`a.channel_id`.as('id'), chatbotId: sql<string>`b.id`.as('chatbot_id') })
    .from(
      sql`chatbots b CROSS JOIN channel_members a ON a.member_id = b.id
        JOIN channels c ON c.id = a.channel_id AND c.deleted_at IS NULL`,
    )
    .where(sql`b.deleted_at IS NOT NULL AND b.deleted_at > ${now.getTime() - LATE_MS}`)
    // By lot: some that cannot be left now must not stand in the way of the others.
    .orderBy(sql`random()`)
    .limit(AT_ONCE)
  const left = await Promise.allSettled(rows.map(({ id, chatbotId }) => leave(ctx, id, chatbotId)))
  const failed = left.filter(({ status }) => status === 'rejected').length
  if (rows.length > 0) log(failed > 0 ? 'error' : 'info', 'chatbots_left', { count: rows.length, failed })
}

/** Where it is in no channel any more, as somebody took it out meanwhile, it has left. */
async function leave(ctx: BaseCtx, channelId: string, chatbotId: string): Promise<void> {
  const command = { type: 'member.leave', actor: chatbotId, command_id: ctx.newId() } as const
  await submit(ctx, channelId, command).catch((error) => {
    if (!(error instanceof AppError && error.code === 'not_found')) throw error
  })
}

/** What another request or chore has ended meanwhile is no fault. */
async function giveUp(ctx: OwnerCtx, channelId: string): Promise<void> {
  const { user, newId, requestId } = ctx
  const about = () => ({ actor: user.id, command_id: newId() })
  /** Whether it was refused with one of these codes; with any other it is an error. */
  const refusedWith = async (command: Command, ...codes: ErrorCode[]) =>
    submit(ctx, channelId, command).then(
      () => false,
      (error) => {
        if (error instanceof AppError && codes.includes(error.code)) return true
        throw error
      },
    )
  const isAlone = await refusedWith({ type: 'owner.replace', ...about() }, 'last_owner')
  const last: Command = isAlone
    ? { type: 'channel.delete', ...about(), audit_id: newId(), request_id: requestId }
    : { type: 'member.leave', ...about() }
  await refusedWith(last, 'not_found')
}

/** Statements that remove what channels know of an account beside what it said: each a bounded number of rows, which it gives. */
export const removeChannelTraces = ({ db, user }: Pick<OwnerCtx, 'db' | 'user'>) => {
  const some = (table: string) =>
    sql`rowid IN (SELECT rowid FROM ${sql.raw(table)} WHERE user_id = ${user.id} LIMIT ${SWEEP_ROWS})`
  return [
    db.delete(readState).where(some('read_state')).returning({ id: readState.channelId }),
    db.delete(channelMutes).where(some('channel_mutes')).returning({ id: channelMutes.channelId }),
    db.delete(channelBans).where(some('channel_bans')).returning({ id: channelBans.channelId }),
  ] as const
}

/** The same of chatbots whose ids `some` gives. */
export const removeChatbotTraces = (db: Db, some: SQL) => {
  const theirs = (table: string) =>
    sql`rowid IN (SELECT rowid FROM ${sql.raw(table)} WHERE user_id IN (${some}) LIMIT ${SWEEP_ROWS})`
  return [
    db.delete(channelMutes).where(theirs('channel_mutes')).returning({ id: channelMutes.channelId }),
    db.delete(channelBans).where(theirs('channel_bans')).returning({ id: channelBans.channelId }),
  ] as const
}
