import { z } from 'zod'
import { type Engine, MAX_PAGES } from './engine.ts'

const Page = z.looseObject({ description: z.unknown() }).transform((page) => ({ ...page, content: page.description }))
/** Without a hit there is no `web`. */
const Answer = z.object({ web: z.object({ results: z.array(z.unknown()) }).nullish() })

/** Brave's Web Search API. */
export const brave: Engine = {
  toRequest(endpoint, query, key) {
    const url = new URL(endpoint)
    url.searchParams.set('q', query)
    url.searchParams.set('count', String(MAX_PAGES))
    // Otherwise hits are marked with HTML.
    url.searchParams.set('text_decorations', 'false')
    return { url, headers: { 'x-subscription-token': key ?? '' } }
  },
  toPages: (answer) => (Answer.parse(answer).web?.results ?? []).map((page) => Page.safeParse(page).data),
}
