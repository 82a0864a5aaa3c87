import { sql } from 'drizzle-orm'
import { mayAnswer } from '../../db/answering.ts'
import type { Db } from '../../db/client.ts'
import type { Call } from '../../lib/channel-commands.ts'

/** Calls that one query gives at the most. */
export const CALLS_AT_ONCE = 100

const OUT = sql`('member.left', 'member.removed', 'member.banned')`

/** Those who were put out of a channel, or left it, after event `after`: users, or chatbots. */
const goneSince = (channelId: string, after: number, kind: 'user' | 'chatbot') => sql`SELECT e.payload->>'user_id' AS id
  FROM channel_events e WHERE e.channel_id = ${channelId} AND e.seq > CAST(${after} AS INTEGER) AND e.type IN ${OUT}
  AND coalesce(e.payload->>'kind', 'user') = ${kind}`

/**
 * What calls a chatbot after event `after` and has neither a run nor the news that there will be none, in order. Looked for are the
 * chatbots of the channel, and those that were in it after event `since`: they owe an answer, or a word, to who called them there.
 */
export function findCalls(
  db: Db,
  channelId: string,
  { chatbotIds, since, after }: { chatbotIds: string[]; since: number; after: number },
): Promise<Call[]> {
  const key = sql`'channel:' || n.channel_id || ':' || n.seq || ':' || n.member_id`
  return db
    .select({
      channelId: sql<string>`n.channel_id`.as('channel_id'),
      chatbotId: sql<string>`n.member_id`.as('chatbot_id'),
      seq: sql<number>`n.seq`.as('seq'),
      messageId: sql<string>`m.id`.as('message_id'),
      threadId: sql<string>`coalesce(m.thread_id, m.id)`.as('thread_id'),
    })
    .from(
      sql`(SELECT value AS id FROM json_each(${JSON.stringify(chatbotIds)}) UNION ${goneSince(channelId, since, 'chatbot')}) w
        CROSS JOIN channel_mentions n ON n.member_id = w.id
          AND n.channel_id = ${channelId} AND n.seq > CAST(${after} AS INTEGER)
        CROSS JOIN channel_messages m ON m.id = n.message_id AND m.author_kind = 'user'`,
    )
    .where(
      sql`NOT EXISTS (SELECT 1 FROM runs WHERE trigger_key = ${key})
        AND NOT EXISTS (SELECT 1 FROM channel_events e WHERE e.channel_id = n.channel_id AND e.command_id = 'failed ' || ${key})`,
    )
    .orderBy(sql`n.seq`)
    .limit(CALLS_AT_ONCE)
}

/** The chatbots that are writing in a channel, and whether each may say it there. */
export const findWriting = async (db: Db, channelId: string): Promise<{ id: string; mayAnswer: boolean }[]> => {
  const rows = await db
    .select({
      id: sql<string>`DISTINCT r.chatbot_id`.as('id'),
      may: sql<number>`${mayAnswer(sql`r.chatbot_id`, channelId, Date.now())}`.as('may'),
    })
    .from(sql`runs r`)
    .where(sql`r.channel_id = ${channelId} AND r.status = 'in_progress'`)
  return rows.map(({ id, may }) => ({ id, mayAnswer: may === 1 }))
}

/** The users who were put out of a channel, or left it, after event `after`. */
export const findGone = async (db: Db, channelId: string, after: number): Promise<string[]> => {
  const rows = await db
    .selectDistinct({ id: sql<string>`id`.as('id') })
    .from(sql`(${goneSince(channelId, after, 'user')})`)
  return rows.map(({ id }) => id)
}
