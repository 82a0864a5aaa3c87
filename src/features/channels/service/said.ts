import { sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import type { StoredAttachment } from '../../../db/schema/channels.ts'
import type { Call } from '../../../lib/channel-commands.ts'
import { type PersonJson, personOf } from '../event-rows.ts'

/** What is read of a channel to answer in it, in messages. */
const MAX_SAID = 20

/** Something that was said. */
export type Said = Awaited<ReturnType<typeof selectSaid>>[number]

/**
 * Statement for what was said before a call, and the call itself, the newest first: in its thread with the message that began it, or
 * in the channel. What is deleted is not among it.
 */
export const selectSaid = (db: Db, { channelId, messageId, threadId, seq }: Call) => {
  const isThread = threadId !== messageId
  const place = isThread ? sql`thread_id = ${threadId} AND channel_id = ${channelId}` : sql`channel_id = ${channelId}`
  const root = isThread
    ? sql`UNION ALL SELECT * FROM channel_messages WHERE id = ${threadId} AND channel_id = ${channelId} AND deleted_at IS NULL`
    : sql``
  return db
    .select({
      id: sql<string>`m.id`.as('message_id'),
      author: sql`${sql.raw(personOf('m.author_id', 'm.author_kind'))}`
        .mapWith((json: string): PersonJson => JSON.parse(json))
        .as('author'),
      content: sql<string>`m.content`.as('content'),
      attachments: sql`m.attachments`.mapWith((json: string): StoredAttachment[] => JSON.parse(json)).as('attachments'),
    })
    .from(
      sql`(SELECT * FROM (SELECT * FROM channel_messages WHERE ${place} AND seq <= CAST(${seq} AS INTEGER) AND deleted_at IS NULL
        ORDER BY seq DESC LIMIT ${MAX_SAID}) ${root}) m`,
    )
    .orderBy(sql`m.seq DESC`)
}
