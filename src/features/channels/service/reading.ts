import { sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { readState } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { describeError } from '../../../http/log.ts'
import { MAX_MEMBERSHIPS } from '../../../lib/channel-commands.ts'
import { gatewayName, shardOf } from '../../../lib/shards.ts'
import { seen, selectView } from './access.ts'

/** `100` means 100 or more. */
const MOST = 100
/** So many of the newest messages are looked at: one's own and deleted ones among them do not count. */
const WINDOW = 200

export type Unread = { channelId: string; head: number; readSeq: number; unread: number; mentions: number }

/** Messages that name somebody, the newest first. */
const naming = (memberId: string) => sql`SELECT * FROM (SELECT message_id, seq FROM channel_mentions
  WHERE member_id = ${memberId} AND channel_id = c.id AND seq > coalesce(r.read_seq, 0) ORDER BY seq DESC LIMIT ${WINDOW})`

/** Counted from rows, so that a badge is never wrong. The reader is `r` of `channels` `c`. */
const counts = (userId: string) => ({
  channelId: sql<string>`c.id`.as('id'),
  head: sql<number>`c.last_seq`.as('last_seq'),
  readSeq: sql<number>`coalesce(r.read_seq, 0)`.as('read_seq'),
  unread: sql<number>`(SELECT min(count(*), ${MOST}) FROM (
    SELECT author_id, deleted_at FROM channel_messages
    WHERE channel_id = c.id AND seq > coalesce(r.read_seq, 0) ORDER BY seq DESC LIMIT ${WINDOW})
    WHERE deleted_at IS NULL AND author_id <> ${userId})`.as('unread'),
  mentions: sql<number>`(SELECT min(count(*), ${MOST}) FROM (
    SELECT message_id FROM (${naming(userId)} UNION ${naming('*')}) ORDER BY seq DESC LIMIT ${WINDOW}) n
    JOIN channel_messages m ON m.id = n.message_id AND m.author_id <> ${userId})`.as('mentions'),
})

/** What is unread in all of the caller's channels. */
export async function listUnread({ db, user }: Ctx): Promise<Unread[]> {
  return db
    .select(counts(user.id))
    .from(sql`channel_members a JOIN channels c ON c.id = a.channel_id AND c.deleted_at IS NULL
      LEFT JOIN read_state r ON r.user_id = a.member_id AND r.channel_id = c.id`)
    .where(sql`a.member_id = ${user.id}`)
    .orderBy(sql`c.id`)
    .limit(MAX_MEMBERSHIPS)
}

export type ReadMark = { user_id: string; channel_id: string; seq: number }

/** Statement that moves read marks forward, never beyond what there is. Gives those of members, as they are then. */
export const moveReadMarks = (db: Db, marks: ReadMark[], now: Date) =>
  db
    .insert(readState)
    .select(
      sql`SELECT a.member_id, c.id, min(CAST(mark.value->>'seq' AS INTEGER), c.last_seq), CAST(${now.getTime()} AS INTEGER)
        FROM json_each(${JSON.stringify(marks)}) mark
        CROSS JOIN channel_members a ON a.channel_id = mark.value->>'channel_id' AND a.member_id = mark.value->>'user_id'
        JOIN channels c ON c.id = a.channel_id AND c.deleted_at IS NULL WHERE true`,
    )
    .onConflictDoUpdate({
      target: [readState.userId, readState.channelId],
      set: { readSeq: sql`max(excluded.read_seq, read_state.read_seq)`, updatedAt: now },
    })
    .returning({ userId: readState.userId, channelId: readState.channelId, readSeq: readState.readSeq })

/**
 * Marks a channel as read up to a number: never back, and never beyond what there is. The caller's sockets are told.
 * @throws AppError `not_found`, `banned`
 */
export async function markRead(ctx: Ctx, channelId: string, seq: number): Promise<Unread> {
  const { db, user, now, gateways, config, log, waitUntil } = ctx
  const [view, , [counted]] = await db.batch([
    selectView(db, user.id, channelId),
    moveReadMarks(db, [{ user_id: user.id, channel_id: channelId, seq }], now),
    db
      .select(counts(user.id))
      .from(sql`channels c LEFT JOIN read_state r ON r.user_id = ${user.id} AND r.channel_id = c.id`)
      .where(sql`c.id = ${channelId}`),
  ])
  seen(view)
  const gateway = gateways.getByName(gatewayName(await shardOf(user.id, config.SOCKET_SHARDS)))
  const told = gateway.readUpTo(user.id, channelId, counted!.readSeq)
  waitUntil(told.catch((error) => log('warn', 'read_not_told', describeError(error))))
  return counted!
}
