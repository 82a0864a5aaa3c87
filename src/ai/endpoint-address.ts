import type { Config } from '../env.ts'
import { urlFault } from '../lib/public-urls.ts'

type Rules = Pick<Config, 'LLM_ENDPOINTS' | 'LLM_ENDPOINT_ALLOWLIST'>

/**
 * Why a URL that a user entered may not be called as the server of a model, in a few words; `undefined` when it may. Origins that
 * the operator lists are trusted, also plain and private ones, and then there are no others.
 */
export function endpointFault(url: string, config: Rules, ownHosts: string[]): string | undefined {
  if (config.LLM_ENDPOINTS === 'off') return 'Servers of your own cannot be used here'
  if (url.includes('?')) return 'No query string'
  if (isListed(url, config)) return undefined
  if (config.LLM_ENDPOINT_ALLOWLIST.length > 0) return 'Not among the servers that may be used here'
  return urlFault(url, ownHosts)
}

/** Whether the operator lists its origin. What is more than an address is not listed. */
export function isListed(text: string, { LLM_ENDPOINT_ALLOWLIST }: Pick<Rules, 'LLM_ENDPOINT_ALLOWLIST'>): boolean {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || text.includes('#') || text.length > 2_048) return false
  return url.username === '' && url.password === '' && LLM_ENDPOINT_ALLOWLIST.includes(url.origin)
}
