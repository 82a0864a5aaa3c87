import { createRouter } from '../../../http/create-app.ts'
import { admin } from '../../../http/guards.ts'
import { json } from '../../../http/openapi.ts'
import { AdminUsageQuery, UsageOfAll } from '../../plans/schemas.ts'
import { readUsageOf } from '../../plans/service/usage.ts'
import { toUsageOfAll } from '../../plans/wire.ts'

export const adminUsageRoutes = createRouter()

adminUsageRoutes.openapi(
  admin(
    {
      operationId: 'getUsageOfUsers',
      tags: ['admin'],
      method: 'get',
      path: '/admin/usage',
      summary: 'What one user or all used, by day or model; of one also by conversation or key',
      request: { query: AdminUsageQuery },
      responses: { 200: json(UsageOfAll, 'The sums') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const { user_id, ...request } = c.req.valid('query')
    return c.json(toUsageOfAll(await readUsageOf(c.var.ctx, user_id, request)), 200)
  },
)
