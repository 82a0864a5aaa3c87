import type { Config } from '../env.ts'
import { formFault, urlFault } from '../lib/public-urls.ts'

type Settings = Pick<Config, 'LLM_ENDPOINTS' | 'LLM_ENDPOINT_ALLOWLIST'>

/**
 * Why a model's address that a user has entered may not be called, in a few words; `undefined` when it may. It is asked when the
 * address is stored and again before each call, as the settings may have changed. `ownHosts` are host names of our own.
 * Origins that the operator lists are the only ones then, and the one way to plain http and to private hosts.
 */
export function endpointFault(text: string, settings: Settings, ownHosts: string[]): string | undefined {
  if (settings.LLM_ENDPOINTS === 'off') return 'This server calls no addresses that users enter'
  // A key in it would be shown with the address, and paths are appended to it.
  if (text.includes('?')) return 'No query string'
  if (settings.LLM_ENDPOINT_ALLOWLIST.length === 0) return urlFault(text, ownHosts)
  // What is trusted is the origin, so the rest of the address is judged all the same.
  return formFault(text) ?? (isListed(text, settings) ? undefined : 'Not one of the servers that may be called here')
}

/** Whether an address is at an origin that the operator lists. */
export function isListed(text: string, { LLM_ENDPOINT_ALLOWLIST }: Pick<Settings, 'LLM_ENDPOINT_ALLOWLIST'>): boolean {
  const url = URL.parse(text)
  // The origin of a `blob:` is that of the address in it.
  return url !== null && /^https?:$/.test(url.protocol) && LLM_ENDPOINT_ALLOWLIST.includes(url.origin)
}
