import { type SQL, sql } from 'drizzle-orm'
import { constraintOf } from '../../../db/failures.ts'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { chatbots, chatbotVersions } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { FILES_THERE, fileNotFound, mustHaveFiles } from '../../files/service/attach.ts'
import type { NewChatbot } from '../schemas/chatbot.ts'
import { getOwnChatbot, type StoredChatbot } from './read.ts'
import { storeSecrets } from './secrets.ts'
import { changedSettings, judgeSettings, NO_SETTINGS } from './settings.ts'

/** Of one user. */
export const MAX_OWN_CHATBOTS = 100

const hasRoom = (userId: string): SQL =>
  sql`(SELECT count(*) FROM chatbots WHERE user_id = ${userId} AND deleted_at IS NULL) < ${MAX_OWN_CHATBOTS}`

/**
 * A new chatbot, or the one that the same key made before, as it is now.
 * @throws AppError as `judgeSettings`; `file_not_found`, `conflict` for a taken handle, `limit_reached`, `not_configured`,
 *   `idempotency_key_reused`, and `not_found` when what the key made is gone
 */
export async function createChatbot(
  ctx: Ctx,
  given: NewChatbot,
  { ownHosts, idempotency }: { ownHosts: string[]; idempotency: Idempotency | undefined },
): Promise<{ chatbot: StoredChatbot; replayed: boolean }> {
  const { db, user, now, newId } = ctx
  const settings = changedSettings(NO_SETTINGS, given)
  const secrets = judgeSettings(ctx, given, settings, ownHosts)
  const { name, handle } = given
  const row = { id: newId(), userId: user.id, name, handle, version: 1, createdAt: now, updatedAt: now }
  const made = once(db, idempotency, row.id, now, [
    mustHold(db, 'chatbots_room', hasRoom(user.id)),
    mustHaveFiles(db, user.id, settings.files),
    db.insert(chatbots).values(row),
    db.insert(chatbotVersions).values({ ...settings, chatbotId: row.id, version: 1, createdAt: now }),
    ...(await storeSecrets(ctx, row.id, secrets)),
  ])
  const { id, replayed } = await made.catch((error) => {
    throw refusalOf(error) ?? error
  })
  if (replayed) return { chatbot: await getOwnChatbot(ctx, id), replayed }
  const secretOrigins = [...secrets].flatMap(([origin, secret]) => (secret === null ? [] : [origin]))
  return { chatbot: { ...row, ...settings, secretOrigins }, replayed }
}

/** What a client is told of why a chatbot was not written, if it may know. */
export function refusalOf(error: unknown): AppError | undefined {
  const unmet = unmetPrecondition(error)
  if (unmet === 'chatbots_room') return new AppError('limit_reached', `You have ${MAX_OWN_CHATBOTS} chatbots`)
  if (unmet === FILES_THERE) return fileNotFound()
  if (constraintOf(error) === 'chatbots.handle') return new AppError('conflict', 'This handle is taken')
  return undefined
}
