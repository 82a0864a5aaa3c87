import { and, eq, sql } from 'drizzle-orm'
import { chatbotSecrets } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { ownExists } from './read.ts'
import { sealFor } from './sealing.ts'
import { type EndpointSecrets, originsOf, type Settings } from './settings.ts'

/**
 * Statements that store the secrets that were given, each sealed for its origin.
 * @throws AppError `not_configured` when the server has no key to seal them with
 */
export async function storeSecrets({ db, config, now }: Ctx, chatbotId: string, secrets: EndpointSecrets) {
  const given = [...secrets].filter((entry): entry is [string, string] => entry[1] !== null)
  const rows = await Promise.all(
    given.map(async ([origin, secret]) => {
      const sealed = await sealFor(config, chatbotId, origin, secret)
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

/** Statement that deletes what no address of these settings uses, and what is to be removed. */
export function dropUnusedSecrets({ db, user }: Ctx, chatbotId: string, settings: Settings, secrets: EndpointSecrets) {
  const kept = JSON.stringify(originsOf(settings).filter((origin) => secrets.get(origin) !== null))
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
