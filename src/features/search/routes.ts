import { createRouter } from '../../http/create-app.ts'
import { authed } from '../../http/guards.ts'
import { page } from '../../http/openapi.ts'
import { nextPage } from '../../http/pages.ts'
import { SearchQuery, SearchResult } from './schemas.ts'
import { search } from './service.ts'
import { toSearchResult } from './wire.ts'

export const searchRoutes = createRouter()

searchRoutes.openapi(
  authed(
    {
      operationId: 'search',
      tags: ['conversations'],
      method: 'get',
      path: '/search',
      summary: 'Find my conversations by title and my messages by text, the best first',
      request: { query: SearchQuery },
      responses: { 200: page(SearchResult, 'One page of what was found') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const found = await search(c.var.ctx, c.req.valid('query'))
    return c.json(found.items.map(toSearchResult), 200, nextPage(c, found))
  },
)
