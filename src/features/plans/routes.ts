import { z } from '@hono/zod-openapi'
import { createRouter } from '../../http/create-app.ts'
import { authed, open } from '../../http/guards.ts'
import { body, json } from '../../http/openapi.ts'
import { User } from '../users/schemas/user.ts'
import { toUser } from '../users/wire/user.ts'
import { PlanView, Upgrade, Usage, UsageQuery } from './schemas.ts'
import { listPlans } from './service/plans.ts'
import { upgrade } from './service/upgrade.ts'
import { readUsage } from './service/usage.ts'
import { toPlan, toUsage } from './wire.ts'

const tags = ['plans']

export const planRoutes = createRouter()

planRoutes.openapi(
  open({
    operationId: 'listPlans',
    tags,
    method: 'get',
    path: '/plans',
    summary: 'What each plan allows, the smallest first',
    responses: { 200: json(z.array(PlanView).max(100), 'All plans') },
  }),
  async (c) => {
    const plans = await listPlans(c.var.ctx)
    return c.json(
      plans.map((plan) => toPlan(plan, c.var.config.MODELS)),
      200,
    )
  },
)

planRoutes.openapi(
  authed(
    {
      operationId: 'getUsage',
      tags,
      method: 'get',
      path: '/user/usage',
      summary: 'What I may use this month, what is used and held of it, and what it was used for',
      request: { query: UsageQuery },
      responses: { 200: json(Usage, 'My usage') },
    },
    ['validation_failed'],
  ),
  async (c) => c.json(toUsage(await readUsage(c.var.ctx, c.req.valid('query'))), 200),
)

planRoutes.openapi(
  authed(
    {
      operationId: 'upgrade',
      tags,
      method: 'post',
      path: '/user/upgrade',
      summary: 'Change my plan, where everybody may; what was used of the month stays used',
      request: { body: body(Upgrade) },
      responses: { 200: json(User, 'Me, with the new plan') },
    },
    ['forbidden'],
  ),
  async (c) => c.json(toUser(await upgrade(c.var.ctx, c.req.valid('json').plan)), 200),
)
