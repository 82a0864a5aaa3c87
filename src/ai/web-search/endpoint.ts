/** Which engine is asked, and where it is if not where it usually is. */
export type Where = { WEB_SEARCH_KIND: 'searxng' | 'brave' | 'tavily'; WEB_SEARCH_URL?: string }

/** SearXNG is everybody's own. */
const USUAL: Record<Where['WEB_SEARCH_KIND'], string | undefined> = {
  searxng: undefined,
  brave: 'https://api.search.brave.com/res/v1/web/search',
  tavily: 'https://api.tavily.com/search',
}

/** The address of the engine; `undefined` when there is none to ask. */
export const endpointOf = ({ WEB_SEARCH_KIND, WEB_SEARCH_URL }: Where): string | undefined =>
  WEB_SEARCH_URL ?? USUAL[WEB_SEARCH_KIND]
