import { createRouter } from '../../../http/create-app.ts'
import { open } from '../../../http/guards.ts'
import { json } from '../../../http/openapi.ts'
import { Health, Readiness } from '../schemas.ts'
import { checkReadiness } from '../service.ts'

const tags = ['system']

export const systemRoutes = createRouter()

systemRoutes.openapi(
  open({
    operationId: 'getHealth',
    tags,
    method: 'get',
    path: '/health',
    summary: 'Whether the process answers; it touches nothing',
    responses: { 200: json(Health, 'It does') },
  }),
  (c) => c.json({ status: 'ok' as const }, 200),
)

systemRoutes.openapi(
  open({
    operationId: 'getReadiness',
    tags,
    method: 'get',
    path: '/ready',
    summary: 'Whether the database and its migrations are there',
    responses: { 200: json(Readiness, 'All is there'), 503: json(Readiness, 'Something is missing') },
  }),
  async (c) => {
    const readiness = await checkReadiness(c.var.ctx)
    return c.json(readiness, readiness.status === 'ok' ? 200 : 503)
  },
)
