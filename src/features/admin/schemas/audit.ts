import { z } from '@hono/zod-openapi'
import { AUDIT_ACTIONS, AUDIT_TARGETS, type auditLog } from '../../../db/schema/index.ts'
import { id, maybeId, moment } from '../../../http/fields.ts'
import { PageQuery } from '../../../http/pages.ts'

const action = z.enum(AUDIT_ACTIONS)

export const AuditEntry = z
  .strictObject({
    id,
    at: moment,
    actor_id: maybeId.openapi({ description: 'Null for what an operator’s command did' }),
    action,
    target_type: z.enum(AUDIT_TARGETS),
    target_id: id,
    fields: z
      .array(z.string().max(64))
      .max(20)
      .openapi({ description: 'Names of what changed', example: ['role'] }),
    outcome: z.enum(['done', 'refused']),
    request_id: z.string().max(128).nullable().openapi({ example: '019b76da-a800-7000-8000-000000000000' }),
  })
  .openapi('AuditEntry')

export const AuditQuery = PageQuery.extend({
  actor_id: z.uuid().optional(),
  target_id: z.uuid().optional(),
  action: action.optional(),
})

export const toAuditEntry = (row: typeof auditLog.$inferSelect): z.infer<typeof AuditEntry> => ({
  id: row.id,
  at: row.at.toISOString(),
  actor_id: row.actorId,
  action: row.action,
  target_type: row.targetType,
  target_id: row.targetId,
  fields: row.fields,
  outcome: row.outcome,
  request_id: row.requestId,
})
