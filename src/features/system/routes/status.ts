import { createRouter } from '../../../http/create-app.ts'
import { admin, open } from '../../../http/guards.ts'
import { json } from '../../../http/openapi.ts'
import { DatabaseState, Health, Readiness } from '../schemas.ts'
import { checkReadiness, readDatabaseState } from '../service.ts'

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

systemRoutes.openapi(
  admin({
    operationId: 'getDatabaseState',
    tags,
    method: 'get',
    path: '/db-status',
    summary: 'Which migration the database is at, and how many records it has',
    responses: { 200: json(DatabaseState, 'It is connected') },
  }),
  async (c) => {
    const { migration, isCurrent, records } = await readDatabaseState(c.var.ctx)
    return c.json({ status: 'connected' as const, migration, up_to_date: isCurrent, records }, 200)
  },
)
