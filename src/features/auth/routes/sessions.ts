import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdParam, noContent, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { Session } from '../schemas/sessions.ts'
import { endSession, listSessions } from '../service/sessions.ts'
import { toSession } from '../wire.ts'

const tags = ['auth']

export const sessionRoutes = createRouter()

sessionRoutes.openapi(
  authed(
    {
      operationId: 'listSessions',
      tags,
      method: 'get',
      path: '/auth/sessions',
      summary: 'Where I am signed in, newest first',
      request: { query: PageQuery },
      responses: { 200: page(Session, 'One page of my sessions') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const found = await listSessions(c.var.ctx, c.req.valid('query'))
    return c.json(found.items.map(toSession), 200, nextPage(c, found))
  },
)

sessionRoutes.openapi(
  authed(
    {
      operationId: 'endSession',
      tags,
      method: 'delete',
      path: '/auth/sessions/{id}',
      summary: 'Sign out one of my sessions',
      request: { params: IdParam },
      responses: { 204: noContent('It has ended') },
    },
    ['not_found'],
  ),
  async (c) => {
    await endSession(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)
