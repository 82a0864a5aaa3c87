import { z } from 'zod'
import type { Engine } from './engine.ts'

const Answer = z.object({ results: z.array(z.unknown()) })

/** SearXNG's JSON API, which has to be switched on there (`search.formats`). It has no address but the operator's. */
export const searxng: Engine = {
  toRequest(endpoint, query, key) {
    const url = new URL(endpoint)
    url.searchParams.set('q', query)
    url.searchParams.set('format', 'json')
    return { url, headers: key ? { authorization: `Bearer ${key}` } : undefined }
  },
  toPages: (answer) => Answer.parse(answer).results,
}
