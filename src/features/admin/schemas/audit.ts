import { z } from '@hono/zod-openapi'
import { AUDIT_ACTIONS, AUDIT_TARGETS } from '../../../db/schema/index.ts'
import { id, maybeId, moment } from '../../../http/fields.ts'
import { PageQuery } from '../../../http/pages.ts'
import { made, text, uuid } from '../../../lib/wire-fields.ts'

const action = z.enum(AUDIT_ACTIONS)
const name = text(80).nullable().openapi({ example: 'Ada Lovelace' })

export const AuditEntry = z
  .strictObject({
    id,
    at: moment,
    actor_id: maybeId.openapi({ description: 'Null for what an operator’s command did' }),
    actor_name: name.openapi({ description: 'What the actor is called now' }),
    action,
    target_type: z.enum(AUDIT_TARGETS),
    target_id: id,
    target_name: name.openapi({ description: 'What a user is called now; null for what is no user' }),
    fields: z
      .array(made('a-z_', 64))
      .max(20)
      .openapi({ description: 'Names of what changed', example: ['role'] }),
    outcome: z.enum(['done', 'refused']),
    request_id: made('A-Za-z0-9._-', 128).nullable().openapi({ example: '019b76da-a800-7000-8000-000000000000' }),
  })
  .openapi('AuditEntry')
export type AuditEntry = z.infer<typeof AuditEntry>

export const AuditQuery = PageQuery.extend({
  actor_id: uuid().optional(),
  target_id: uuid().optional(),
  action: action.optional(),
})
