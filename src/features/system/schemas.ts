import { z } from '@hono/zod-openapi'
import { integer, text } from '../../lib/wire-fields.ts'

export const Health = z.strictObject({ status: z.literal('ok') }).openapi('Health')

const state = z.enum(['ok', 'failed'])
export const Readiness = z
  .strictObject({
    status: state,
    checks: z.strictObject({ database: state, migrations: state }),
    warnings: z.array(text(200)).max(10),
  })
  .openapi('Readiness')

const count = integer(0).openapi({ example: 42 })
export const DatabaseState = z
  .strictObject({
    status: z.literal('connected'),
    migration: text(200).nullable().openapi({ description: 'The newest that was applied' }),
    up_to_date: z.boolean().openapi({ description: 'Whether it is the one that the running code relies on' }),
    records: z
      .strictObject({
        users: count,
        projects: count,
        conversations: count,
        messages: count,
        runs: count,
        files: count,
        chatbots: count,
      })
      .openapi({ description: '`runs` are those that have ended, also in conversations that are gone' }),
  })
  .openapi('DatabaseState')
