import { sql } from 'drizzle-orm'
import type { Config } from '../env.ts'

/**
 * What a conversation is set to when message `headId` is said in it: that is the head, the conversation was last used now, and
 * it is called `title` if it has no name yet.
 */
export const movedTo = (headId: string, now: Date, { TEMPORARY_TTL_MS }: Config, title: string | undefined) => ({
  headId,
  updatedAt: now,
  expiresAt: sql`iif(expires_at IS NULL, NULL, ${now.getTime() + TEMPORARY_TTL_MS})`,
  ...(title !== undefined && {
    title: sql`coalesce(title, ${title})`,
    titleSource: sql`iif(title IS NULL, 'text', title_source)`,
  }),
})
