import { z } from 'zod'
import { type Engine, MAX_PAGES } from './engine.ts'

const Answer = z.object({ results: z.array(z.unknown()) })

/** Tavily's Search API. */
export const tavily: Engine = {
  toRequest: (endpoint, query, key) => ({
    url: endpoint,
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, max_results: MAX_PAGES }),
  }),
  toPages: (answer) => Answer.parse(answer).results,
}
