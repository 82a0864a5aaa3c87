import { sql } from 'drizzle-orm'
import { passPreconditions } from '../../../db/client.ts'
import { keyAfter, type Page, type PageRequest, pageOf } from '../../../db/pages.ts'
import { sees } from '../../../db/seen-channels.ts'
import type { Ctx } from '../../../http/context.ts'
import { MAX_MEMBERSHIPS } from '../../../lib/channel-commands.ts'
import { sha256 } from '../../../lib/digests.ts'
import { hitsOf, type Snippet, snippetOf } from '../../../lib/search-hits.ts'
import { termsOf, toMatch } from '../../../lib/search-terms.ts'
import type { MessageJson } from '../event-rows.ts'
import { MESSAGE } from '../event-rows.ts'
import { seen, selectView } from './access.ts'
import type { ViewedMessage } from './messages.ts'

/** Messages that one page looks at. */
const LOOKED_AT = 1_000

export type Hit = ViewedMessage & { channelId: string; snippet: Snippet }

/**
 * One page of messages that have every word of `q`, newest first: in one channel that the caller sees, or in all that they are in. `from`
 * is the id of an author.
 * @throws AppError `validation_failed` for a foreign cursor, `not_found` and `banned` for the channel
 */
export async function searchChannels(
  ctx: Ctx,
  { q, channel_id, from, ...page }: PageRequest & { q: string; channel_id?: string; from?: string },
): Promise<Page<Hit>> {
  const { db, user } = ctx
  const terms = termsOf(q)
  const list = `channels:${(await sha256(JSON.stringify([toMatch(terms), channel_id, from]))).slice(0, 22)}`
  const before = keyAfter(page, list, ['number'])?.[0] ?? Number.MAX_SAFE_INTEGER
  const channelIds = channel_id === undefined ? await ownChannels(ctx) : [channel_id]
  if (terms.length === 0 || channelIds.length === 0) {
    if (channel_id === undefined) await passPreconditions(db)
    else seen(await selectView(db, user.id, channel_id))
    return { items: [], next: undefined }
  }
  // Which channels is part of the query of FTS5, which so meets no other's.
  const within = channelIds.map((id) => id.replaceAll('-', '')).join(' OR ')
  const match = `channel:(${within}) AND text:(${toMatch(terms)})`
  const hits = sql`(SELECT rowid AS place FROM channel_message_search
    WHERE channel_message_search MATCH ${match} AND rowid < CAST(${before} AS INTEGER) ORDER BY rowid DESC LIMIT ${LOOKED_AT})`
  const selectFound = db
    .select({
      message: sql`${sql.raw(MESSAGE)}`.mapWith((json: string): MessageJson => JSON.parse(json)).as('message'),
      channelId: sql<string>`m.channel_id`.as('channel_id'),
      place: sql<number>`m.place`.as('place'),
      reacted: sql`(SELECT json_group_array(emoji) FROM reactions WHERE message_id = m.id AND user_id = ${user.id})`
        .mapWith((json: string): string[] => JSON.parse(json))
        .as('reacted'),
    })
    .from(sql`(
      SELECT f.place, cm.* FROM ${hits} f
      CROSS JOIN channel_messages cm ON cm.rowid = f.place
      WHERE ${from === undefined ? sql`true` : sql`cm.author_id = ${from}`} AND ${sees(user.id, sql`cm.channel_id`)}
      ORDER BY f.place DESC LIMIT ${page.limit + 1}) m`)
    .orderBy(sql`m.place DESC`)
  const [view, lookedAt, found] = await db.batch([
    selectView(db, user.id, channel_id ?? ''),
    db
      .select({ count: sql<number>`count(*)`.as('n'), last: sql<number>`min(place)`.as('last') })
      .from(hits)
      .where(from === undefined ? sql`false` : undefined),
    selectFound,
  ])
  if (channel_id !== undefined) seen(view)
  const { items, next } = pageOf(found, page, list, ({ place }) => [place])
  const { count, last } = lookedAt[0]!
  return {
    items: items.map((row) => ({
      ...row,
      snippet: snippetOf(row.message.content!, hitsOf(row.message.content!, terms).hits),
    })),
    // Of those that were looked at few may be of the author: the next page looks at others.
    next: next ?? (count === LOOKED_AT ? { list, key: [last] } : undefined),
  }
}

async function ownChannels({ db, user }: Ctx): Promise<string[]> {
  const rows = await db.all<{ id: string }>(
    sql`SELECT c.id FROM channel_members om CROSS JOIN channels c ON c.id = om.channel_id AND c.deleted_at IS NULL
      WHERE om.member_id = ${user.id} LIMIT ${MAX_MEMBERSHIPS}`,
  )
  return rows.map(({ id }) => id)
}
