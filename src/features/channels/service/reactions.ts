import { sql } from 'drizzle-orm'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { sees } from '../../../db/seen-channels.ts'
import type { Ctx } from '../../../http/context.ts'
import { invalid, notFound } from '../../../http/errors.ts'
import { isEmoji } from '../../../lib/channel-text.ts'
import { type PersonJson, personOf } from '../event-rows.ts'
import { seen, selectView } from './access.ts'
import { getMessage, type ViewedMessage } from './messages.ts'
import { submit } from './submit.ts'

/**
 * Adds or takes back a reaction of the caller's. What is so already stays so.
 * @throws AppError `validation_failed` for what is no emoji, `not_found`, `banned`, `muted`, `forbidden` for who is no member, `gone`,
 *   `limit_reached` for the 21st emoji
 */
export async function react(
  ctx: Ctx,
  channelId: string,
  messageId: string,
  emoji: string,
  type: 'reaction.add' | 'reaction.remove',
): Promise<ViewedMessage> {
  const name = known(emoji)
  const command = { type, actor: ctx.user.id, command_id: ctx.newId(), message_id: messageId, emoji: name } as const
  await submit(ctx, channelId, command)
  return getMessage(ctx, channelId, messageId)
}

/** One page of those who reacted with an emoji. @throws AppError `not_found`, `banned`, `validation_failed` */
export async function listReactors(
  { db, user }: Ctx,
  channelId: string,
  messageId: string,
  { emoji, ...page }: PageRequest & { emoji: string },
) {
  const name = known(emoji)
  const list = `reactions:${messageId}:${name}`
  const after = keyAfter(page, list, ['string'])?.[0] ?? ''
  const [view, [found], rows] = await db.batch([
    selectView(db, user.id, channelId),
    db
      .select({ id: sql<string>`m.id`.as('id') })
      .from(sql`channel_messages m`)
      .where(sql`m.id = ${messageId} AND m.channel_id = ${channelId}`),
    db
      .select({
        person: sql`${sql.raw(personOf('r.user_id'))}`
          .mapWith((json: string): PersonJson => JSON.parse(json))
          .as('person'),
      })
      .from(sql`reactions r`)
      .where(
        sql`r.message_id = ${messageId} AND r.channel_id = ${channelId} AND r.emoji = ${name} AND r.user_id > ${after}
          AND ${sees(user.id, sql`${channelId}`)}`,
      )
      .orderBy(sql`r.user_id`)
      .limit(page.limit + 1),
  ])
  seen(view)
  if (!found) throw notFound()
  return pageOf(rows, page, list, ({ person }) => [person.id])
}

function known(emoji: string): string {
  const composed = emoji.normalize('NFC')
  if (!isEmoji(composed)) throw invalid([{ pointer: 'path:emoji', detail: 'One emoji, or a :name:' }])
  return composed
}
