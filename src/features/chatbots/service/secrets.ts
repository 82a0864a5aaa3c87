import { and, eq, sql } from 'drizzle-orm'
import { chatbotSecrets } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { sealFor } from './endpoint-secrets.ts'
import { ownExists } from './read.ts'
import { type EndpointKeys, originsOf, type Settings } from './settings.ts'

/**
 * Statements that store the keys that were given, each sealed for its origin.
 * @throws AppError `not_configured` when the server has no key to seal them with
 */
export async function storeKeys({ db, config, now }: Ctx, chatbotId: string, keys: EndpointKeys) {
  const given = [...keys].filter((entry): entry is [string, string] => entry[1] !== null)
  const rows = await Promise.all(
    given.map(async ([origin, key]) => {
      const sealed = await sealFor(config, chatbotId, origin, key)
      return { chatbotId, origin, sealed, createdAt: now }
    }),
  )
  if (rows.length === 0) return []
  const newest = { sealed: sql`excluded.sealed`, createdAt: sql`excluded.created_at` }
  return [
    db
      .insert(chatbotSecrets)
      .values(rows)
      .onConflictDoUpdate({ target: [chatbotSecrets.chatbotId, chatbotSecrets.origin], set: newest }),
  ]
}

/** Statement that forgets what no address of these settings uses, and what is to be forgotten. */
export function forgetKeys({ db, user }: Ctx, chatbotId: string, settings: Settings, keys: EndpointKeys) {
  const kept = JSON.stringify(originsOf(settings).filter((origin) => keys.get(origin) !== null))
  return db
    .delete(chatbotSecrets)
    .where(
      and(
        eq(chatbotSecrets.chatbotId, chatbotId),
        sql`origin NOT IN (SELECT value FROM json_each(${kept}))`,
        ownExists(user.id, chatbotId),
      ),
    )
}
