import { and, desc, eq, getTableColumns, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { type AuditAction, auditLog, users } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { invalid } from '../../../http/errors.ts'

/** An entry, with the names that its users have now. */
export type NamedEntry = typeof auditLog.$inferSelect & { actorName: string | null; targetName: string | null }

const actors = alias(users, 'actors')
const targets = alias(users, 'targets')

type AuditFilter = { actor_id?: string; target_id?: string; action?: AuditAction }

/**
 * One page of the audit log, newest first, of all or by one filter, which has an index.
 * @throws AppError `validation_failed` for more than one filter, and for a foreign cursor
 */
export async function listAudit({ db }: Ctx, { limit, cursor, ...filter }: AuditFilter & PageRequest) {
  const { actor_id, target_id, action } = filter
  const given = Object.entries(filter).filter(([, value]) => value !== undefined)
  if (given.length > 1) {
    throw invalid(given.map(([name]) => ({ pointer: `query:${name}`, detail: 'Filter by one of these at a time' })))
  }
  const page = { limit, cursor }
  const list = `audit:${given.flat().join('=')}`
  const after = keyAfter(page, list, ['string'])
  const rows = await db
    .select({
      ...getTableColumns(auditLog),
      // D1 gives columns by their names, and these two have the same.
      actorName: sql<string | null>`${actors.displayName}`.as('actor_name'),
      targetName: sql<string | null>`${targets.displayName}`.as('target_name'),
    })
    .from(auditLog)
    .leftJoin(actors, eq(actors.id, auditLog.actorId))
    .leftJoin(targets, eq(targets.id, auditLog.targetId))
    .where(
      and(
        actor_id ? eq(auditLog.actorId, actor_id) : undefined,
        target_id ? eq(auditLog.targetId, target_id) : undefined,
        action ? eq(auditLog.action, action) : undefined,
        after && lt(auditLog.id, after[0]),
      ),
    )
    .orderBy(desc(auditLog.id))
    .limit(limit + 1)
  return pageOf(rows, page, list, ({ id }) => [id])
}
