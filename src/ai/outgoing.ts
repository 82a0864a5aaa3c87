import type { Config } from '../env.ts'
import { endpointFault, isListed } from './endpoint-address.ts'
import { isPublicName } from './name-lookup.ts'
import { UpstreamFault } from './provider.ts'
import type { Endpoint } from './targets.ts'

/** Posts a call of a model and gives the answer, whatever it is. @throws UpstreamFault when it may not be sent */
export type Send = (body: string, signal: AbortSignal) => Promise<Response>

/** Gives what an endpoint wants as its key; `undefined` when it does not open any more. */
export type OpenSecret = (endpoint: Endpoint) => Promise<string | undefined>

type OwnProvider = Pick<Config, 'OPENAI_API_KEY' | 'OPENAI_BASE_URL'>
type Rules = Pick<Config, 'LLM_ENDPOINTS' | 'LLM_ENDPOINT_ALLOWLIST' | 'DNS_OVER_HTTPS_URL'>

/** The way to the operator's own provider. Many local servers want no key. */
export const sendToProvider =
  ({ OPENAI_API_KEY, OPENAI_BASE_URL = 'https://api.openai.com/v1' }: OwnProvider): Send =>
  (body, signal) =>
    post(completionsOf(OPENAI_BASE_URL), OPENAI_API_KEY, body, signal)

/**
 * The way to a server that a user entered, which is judged anew for each call: by its address, and by where its name leads now. It
 * sees its own key and nothing else of ours. What a name leads to between that and the call is not in our hands.
 */
export const sendToEndpoint =
  (endpoint: Endpoint, rules: Rules, openSecret: OpenSecret): Send =>
  async (body, signal) => {
    await judge(endpoint, rules, signal)
    const secret = endpoint.sealed === null ? undefined : await openSecret(endpoint)
    // A header holds nothing else, and what does not open is not to be guessed.
    if (endpoint.sealed !== null && !/^[\x21-\x7e]+$/.test(secret ?? ''))
      throw new UpstreamFault('upstream_auth', 'fallback')
    const response = await post(completionsOf(endpoint.url), secret, body, signal)
    if (response.status < 300 || response.status >= 400) return response
    await response.body?.cancel()
    throw refused()
  }

/** The URL that is called. */
export function completionsOf(baseUrl: string): string {
  const base = new URL(baseUrl).href.replace(/\/+$/, '')
  return base.endsWith('/chat/completions') ? base : `${base}/chat/completions`
}

async function judge({ url, ownHosts }: Endpoint, rules: Rules, signal: AbortSignal): Promise<void> {
  if (endpointFault(url, rules, ownHosts) !== undefined) throw refused()
  if (isListed(url, rules)) return
  const name = new URL(url).hostname.replace(/\.$/, '')
  const isAddress = name.startsWith('[') || /^[\d.]+$/.test(name)
  if (!isAddress && !(await isPublicName(name, rules.DNS_OVER_HTTPS_URL, signal))) throw refused()
}

/** The same call is refused again, but another server may do. */
const refused = () => new UpstreamFault('upstream_refused', 'fallback')

/** Never follows: a redirect could lead anywhere, and would take the key along. */
const post = (url: string, key: string | undefined, body: string, signal: AbortSignal): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      'user-agent': 'Parley',
      ...(key && { authorization: `Bearer ${key}` }),
    },
    body,
    signal,
    redirect: 'manual',
  })
