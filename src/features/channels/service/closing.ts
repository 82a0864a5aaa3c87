import { sql } from 'drizzle-orm'
import { channelBans, channelMembers, channelMutes, readState } from '../../../db/schema/index.ts'
import { SWEEP_ROWS } from '../../../db/sweep.ts'
import type { OwnerCtx } from '../../../http/context.ts'
import { AppError, type ErrorCode } from '../../../http/errors.ts'
import type { Command } from '../../../lib/channel-commands.ts'
import { submit } from './submit.ts'

/** Channels that one round leaves. */
const AT_ONCE = 20

/**
 * Ends a bounded number of a closed account's memberships, and gives how many; when it gives none there are none. The others hear of it
 * as of everybody who leaves. What it owns goes to its oldest moderator, else to its oldest member, and ends when there is neither.
 * @throws AppError `overloaded` when a channel could not do it now; the others have
 */
export async function leaveSomeChannels(ctx: OwnerCtx): Promise<number> {
  const { db, user } = ctx
  const [ended, live] = await db.batch([
    // Of these nobody is a member any more.
    db
      .delete(channelMembers)
      .where(
        sql`rowid IN (SELECT a.rowid FROM channel_members a JOIN channels c ON c.id = a.channel_id
          WHERE a.member_id = ${user.id} AND c.deleted_at IS NOT NULL LIMIT ${SWEEP_ROWS})`,
      )
      .returning({ id: channelMembers.channelId }),
    db
      .select({ id: sql<string>`c.id`.as('id') })
      .from(sql`channel_members a JOIN channels c ON c.id = a.channel_id AND c.deleted_at IS NULL`)
      .where(sql`a.member_id = ${user.id}`)
      // By lot: some that cannot be left now must not stand in the way of the others.
      .orderBy(sql`random()`)
      .limit(AT_ONCE),
  ])
  const left = await Promise.allSettled(live.map(({ id }) => giveUp(ctx, id)))
  const failed = left.find((each) => each.status === 'rejected')
  if (failed) throw failed.reason
  return ended.length + live.length
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
