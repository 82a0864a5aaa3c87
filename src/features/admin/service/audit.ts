import { and, desc, eq, lt } from 'drizzle-orm'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { type AuditAction, auditLog } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { invalid } from '../../../http/errors.ts'

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
    .select()
    .from(auditLog)
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
