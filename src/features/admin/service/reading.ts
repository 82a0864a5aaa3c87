import { audited, conversationExists, userExists } from '../../../db/audit.ts'
import type { PageRequest } from '../../../db/pages.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import type { Ctx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import { pageOfKeptConversations, selectKeptConversations } from '../../conversations/service/read.ts'
import { pageOfMessages, selectAnybodysMessages } from '../../messages/service/read.ts'

/**
 * One page of somebody's conversations. What an admin reads is recorded in the batch that reads it.
 * @throws AppError `not_found`, `validation_failed` for a foreign cursor
 */
export async function listConversationsOf(ctx: Ctx, userId: string, page: PageRequest) {
  const act = { action: 'user.conversations_listed', target: { type: 'user', id: userId } } as const
  const read = ctx.db.batch([
    mustHold(ctx.db, 'is_there', userExists(userId)),
    audited(ctx, act),
    selectKeptConversations(ctx.db, userId, page),
  ])
  const [, , rows] = await found(read)
  ctx.log('warn', 'admin_read', { user_id: ctx.user.id, target_id: userId })
  return pageOfKeptConversations(rows, page)
}

/**
 * One page of anybody's conversation, recorded likewise.
 * @throws AppError `not_found`, `validation_failed` for a foreign cursor
 */
export async function listMessagesOf(ctx: Ctx, conversationId: string, page: PageRequest) {
  const act = { action: 'conversation.read', target: { type: 'conversation', id: conversationId } } as const
  const read = ctx.db.batch([
    mustHold(ctx.db, 'is_there', conversationExists(conversationId)),
    audited(ctx, act),
    selectAnybodysMessages(ctx.db, conversationId, page),
  ])
  const [, , rows] = await found(read)
  ctx.log('warn', 'admin_read', { user_id: ctx.user.id, target_id: conversationId })
  return pageOfMessages(rows, conversationId)
}

async function found<T>(read: Promise<T>): Promise<T> {
  try {
    return await read
  } catch (error) {
    throw unmetPrecondition(error) === 'is_there' ? notFound() : error
  }
}
