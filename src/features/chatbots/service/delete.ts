import { and, eq, isNull, sql } from 'drizzle-orm'
import { audited } from '../../../db/audit.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { apiKeys, chatbotSecrets, chatbots, chatbotVersions } from '../../../db/schema/index.ts'
import { SWEEP_ROWS } from '../../../db/sweep.ts'
import type { Ctx, OwnerCtx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import { describeError } from '../../../http/log.ts'
import { leaveWithChatbot, removeChatbotTraces } from '../../channels/service/closing.ts'
import { evictCachedKeys } from './key-check.ts'
import { isOwn, ownExists } from './read.ts'

/**
 * Deletes a chatbot: its keys open nothing from then on, its secrets are gone, its handle is free, and it leaves its channels. Its
 * versions and its keys stay, since runs name them.
 * @throws AppError `not_found`
 */
export async function deleteChatbot(ctx: Ctx, id: string): Promise<void> {
  const { db, user, now, log } = ctx
  const isThere = ownExists(user.id, id)
  const deleted = db.batch([
    mustHold(db, 'chatbot_there', isThere),
    audited(ctx, { action: 'chatbot.deleted', target: { type: 'chatbot', id } }),
    db
      .update(apiKeys)
      .set({ revokedAt: now })
      .where(and(eq(apiKeys.chatbotId, id), isNull(apiKeys.revokedAt), isThere))
      .returning({ id: apiKeys.id }),
    db.delete(chatbotSecrets).where(and(eq(chatbotSecrets.chatbotId, id), isThere)),
    db.update(chatbots).set({ deletedAt: now, handle: null, updatedAt: now }).where(isOwn(user.id, id)),
  ])
  const [, , revoked] = await deleted.catch((error) => {
    throw unmetPrecondition(error) === 'chatbot_there' ? notFound() : error
  })
  evictCachedKeys(id)
  // A channel that it cannot leave now takes nothing from it all the same, and a chore tries again.
  const left = leaveWithChatbot(ctx, id).catch((error) => log('warn', 'channels_not_left', describeError(error)))
  ctx.waitUntil(left)
  await left
  for (const key of revoked) log('info', 'api_key_revoked', { user_id: user.id, target_id: key.id })
}

/**
 * Removes a bounded number of the rows of the user's chatbots, children first, and gives how many. When it gives none there
 * are none.
 */
export async function removeSomeChatbots({ db, user, now }: OwnerCtx): Promise<number> {
  const some = sql`SELECT id FROM chatbots WHERE user_id = ${user.id} AND deleted_at IS NOT NULL ORDER BY id LIMIT ${SWEEP_ROWS}`
  const isEmpty = sql`NOT EXISTS (SELECT 1 FROM api_keys WHERE chatbot_id = chatbots.id)
    AND NOT EXISTS (SELECT 1 FROM chatbot_secrets WHERE chatbot_id = chatbots.id)
    AND NOT EXISTS (SELECT 1 FROM chatbot_versions WHERE chatbot_id = chatbots.id)
    AND NOT EXISTS (SELECT 1 FROM channel_members WHERE member_id = chatbots.id)
    AND NOT EXISTS (SELECT 1 FROM channel_mutes WHERE user_id = chatbots.id)
    AND NOT EXISTS (SELECT 1 FROM channel_bans WHERE user_id = chatbots.id)`
  const [, keys, secrets, versions, mutes, bans, gone] = await db.batch([
    db
      .update(chatbots)
      .set({ deletedAt: now, handle: null })
      .where(and(eq(chatbots.userId, user.id), isNull(chatbots.deletedAt))),
    db
      .delete(apiKeys)
      .where(sql`id IN (SELECT id FROM api_keys WHERE user_id = ${user.id} LIMIT ${SWEEP_ROWS})`)
      .returning({ id: apiKeys.id }),
    db
      .delete(chatbotSecrets)
      .where(sql`rowid IN (SELECT rowid FROM chatbot_secrets WHERE chatbot_id IN (${some}) LIMIT ${SWEEP_ROWS})`)
      .returning({ origin: chatbotSecrets.origin }),
    db
      .delete(chatbotVersions)
      .where(sql`rowid IN (SELECT rowid FROM chatbot_versions WHERE chatbot_id IN (${some}) LIMIT ${SWEEP_ROWS})`)
      .returning({ version: chatbotVersions.version }),
    ...removeChatbotTraces(db, some),
    db
      .delete(chatbots)
      .where(and(sql`id IN (${some})`, isEmpty))
      .returning({ id: chatbots.id }),
  ])
  return keys.length + secrets.length + versions.length + mutes.length + bans.length + gone.length
}
