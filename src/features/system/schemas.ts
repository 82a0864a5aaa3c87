import { z } from '@hono/zod-openapi'

export const Health = z.strictObject({ status: z.literal('ok') }).openapi('Health')

const state = z.enum(['ok', 'failed'])
export const Readiness = z
  .strictObject({
    status: state,
    checks: z.strictObject({ database: state, migrations: state }),
    warnings: z.array(z.string().max(200)).max(10),
  })
  .openapi('Readiness')
