import { type SQL, sql } from 'drizzle-orm'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { chatbots, chatbotVersions } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { mustHaveFiles } from '../../files/service/attach.ts'
import type { ChatbotChanges } from '../schemas/chatbot.ts'
import { refusalOf } from './create.ts'
import { evictCachedKeys } from './key-check.ts'
import { getOwnChatbot, isOwn, ownExists, type StoredChatbot, selectOwn } from './read.ts'
import { dropUnusedSecrets, storeSecrets } from './secrets.ts'
import { areSame, changedSettings, judgeSettings } from './settings.ts'

/** How often a change is tried against others of the same chatbot. */
const TRIES = 4

/**
 * Changes only the fields given. Settings that differ make a new version; name, handle and secrets do not.
 * @throws AppError as `judgeSettings`; `not_found`, `file_not_found`, `not_configured`, and `conflict` for a taken handle or
 *   when others were quicker each time
 */
export async function updateChatbot(
  ctx: Ctx,
  id: string,
  changes: ChatbotChanges,
  ownHosts: string[],
): Promise<StoredChatbot> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const before = await getOwnChatbot(ctx, id)
    const after = await changed(ctx, before, changes, ownHosts)
    if (!after) continue
    // Its keys answer with it as it is now.
    evictCachedKeys(id)
    return after
  }
  throw new AppError('conflict', 'The chatbot was changed at the same time: look at it and try again')
}

/** The chatbot as it is then; `undefined` when it is not any more what it was `before`. */
async function changed(ctx: Ctx, before: StoredChatbot, changes: ChatbotChanges, ownHosts: string[]) {
  const { db, user, now } = ctx
  const { id } = before
  const settings = changedSettings(before, changes)
  const secrets = judgeSettings(ctx, changes, settings, ownHosts)
  const isNewVersion = !areSame(before, settings)
  const version = before.version + 1
  const { name, handle } = changes
  // What secrets are for is in the settings, too.
  const hangsOnSettings = isNewVersion || secrets.size > 0
  try {
    const results = await db.batch([
      mustHold(db, 'chatbot_as_read', hangsOnSettings ? isOfVersion(user.id, before) : ownExists(user.id, id)),
      ...(changes.files ? [mustHaveFiles(db, user.id, changes.files)] : []),
      ...(isNewVersion
        ? [db.insert(chatbotVersions).values({ ...settings, chatbotId: id, version, createdAt: now })]
        : []),
      db
        .update(chatbots)
        .set({ name, handle, ...(isNewVersion && { version }), updatedAt: now })
        .where(isOwn(user.id, id)),
      ...(hangsOnSettings
        ? [dropUnusedSecrets(ctx, id, settings, secrets), ...(await storeSecrets(ctx, id, secrets))]
        : []),
      selectOwn(db, user.id, id),
    ])
    const [after] = results.at(-1) as StoredChatbot[]
    return after
  } catch (error) {
    if (unmetPrecondition(error) === 'chatbot_as_read') return undefined
    throw refusalOf(error) ?? error
  }
}

const isOfVersion = (userId: string, { id, version }: StoredChatbot): SQL =>
  sql`EXISTS (SELECT 1 FROM chatbots WHERE ${isOwn(userId, id)} AND version = ${version})`
