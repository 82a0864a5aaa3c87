import { and, sql } from 'drizzle-orm'
import {
  channelAttachments,
  channelBans,
  channelEvents,
  channelInvites,
  channelMembers,
  channelMentions,
  channelMessages,
  channelMutes,
  channels,
  reactions,
  readState,
} from '../../db/schema/index.ts'
import { SWEEP_ROWS } from '../../db/sweep.ts'
import type { BaseCtx } from '../../http/context.ts'

/** For so long what was in a deleted channel is kept, though nobody is shown it. */
const KEPT_MS = 30 * 86_400_000
const CHANNELS_AT_ONCE = 10
const ROUNDS = 10

/** What refers to a channel. With a message goes what hangs on it (migrations/0013), so that the first takes most of the others along. */
const PARTS = [
  channelMessages,
  channelEvents,
  channelMentions,
  channelAttachments,
  reactions,
  channelMembers,
  channelMutes,
  channelBans,
  channelInvites,
  readState,
]

/** A chore: removes what was in channels that were deleted 30 days ago, a bounded number of rows at a time, and then the channels. */
export async function removeDeletedChannels({ db, now }: BaseCtx): Promise<void> {
  const old = sql`SELECT id FROM channels WHERE deleted_at IS NOT NULL AND deleted_at <= ${now.getTime() - KEPT_MS}
    ORDER BY deleted_at LIMIT ${CHANNELS_AT_ONCE}`
  const remove = (table: (typeof PARTS)[number]) =>
    db
      .delete(table)
      .where(sql`rowid IN (SELECT rowid FROM ${table} WHERE channel_id IN (${old}) LIMIT ${SWEEP_ROWS})`)
      .returning({ gone: sql<1>`1`.as('gone') })
  const isEmpty = and(...PARTS.map((table) => sql`NOT EXISTS (SELECT 1 FROM ${table} WHERE channel_id = channels.id)`))
  for (let round = 1; round <= ROUNDS; round++) {
    const [removed, ...parts] = await db.batch([
      db
        .delete(channels)
        .where(and(sql`id IN (${old})`, isEmpty))
        .returning({ id: channels.id }),
      ...PARTS.map(remove),
    ])
    if (removed.length === 0 && parts.every((rows) => rows.length === 0)) return
  }
}
