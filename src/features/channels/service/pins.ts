import { sql } from 'drizzle-orm'
import type { Ctx } from '../../../http/context.ts'
import { seen, selectView } from './access.ts'
import { selectMessages } from './messages.ts'
import { submit } from './submit.ts'

/**
 * Pins a message, or takes the pin away. What is so already stays so.
 * @throws AppError `not_found`, `banned`, `forbidden`, `gone`, `limit_reached` for the 51st
 */
export async function pin(
  ctx: Ctx,
  channelId: string,
  messageId: string,
  type: 'pin.add' | 'pin.remove',
): Promise<void> {
  await submit(ctx, channelId, { type, actor: ctx.user.id, command_id: ctx.newId(), message_id: messageId })
}

/** The pinned messages, at most fifty, the newest pin first. @throws AppError `not_found`, `banned` */
export async function listPins({ db, user }: Ctx, channelId: string) {
  const pinned = sql`SELECT * FROM channel_messages WHERE channel_id = ${channelId} AND pinned_at IS NOT NULL`
  const [view, items] = await db.batch([
    selectView(db, user.id, channelId),
    selectMessages(db, user.id, channelId, pinned).orderBy(sql`m.pinned_at DESC, m.seq DESC`),
  ])
  return { view: seen(view), items }
}
