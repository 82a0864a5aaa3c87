import { type SQL, sql } from 'drizzle-orm'
import type { Db } from './client.ts'
import { type AuditAction, auditLog } from './schema/index.ts'

type Actor = { db: Db; user: { id: string } | null; now: Date; requestId: string | null; newId: () => string }

/** What somebody did to whom. */
export type Act = {
  action: AuditAction
  target: { type: (typeof auditLog.$inferSelect)['targetType']; id: string }
  /** Names of what changed, never values. */
  fields?: readonly string[]
  outcome?: 'done' | 'refused'
  /** It is recorded only if this holds: what is so already is not done again. */
  when?: SQL
}

/** Statement that records an act. It belongs into the batch of the act itself, so that neither is there alone; before it, as `when` looks at what was. */
export const audited = ({ db, user, now, requestId, newId }: Actor, act: Act) => {
  const { action, target, fields = [], outcome = 'done', when = sql`true` } = act
  return db.insert(auditLog).select(sql`
    SELECT ${newId()}, ${now.getTime()}, ${user?.id ?? null}, ${action}, ${target.type}, ${target.id},
      ${JSON.stringify(fields)}, ${outcome}, ${requestId}
    WHERE ${when}`)
}

/** That there is such a conversation, for a batch that would otherwise record the reading of nothing. */
export const conversationExists = (id: string): SQL => sql`EXISTS (SELECT 1 FROM conversations WHERE id = ${id})`

/** That there is such an account, and it was not deleted. */
export const userExists = (id: string): SQL => sql`EXISTS (SELECT 1 FROM users WHERE id = ${id} AND deleted_at IS NULL)`
