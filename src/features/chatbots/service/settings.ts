import { endpointFault } from '../../../ai/endpoint-address.ts'
import type { Ctx } from '../../../http/context.ts'
import { type FieldError, invalid } from '../../../http/errors.ts'
import { originOf } from '../../../lib/public-urls.ts'
import type { ChatbotChanges } from '../schemas/chatbot.ts'
import type { StoredVersion } from './read.ts'

/** How a chatbot answers: what a version holds. */
export type Settings = Omit<StoredVersion, 'version' | 'createdAt'>

/** What endpoints want as their keys, as given, by their origins; null for one that is to be removed. */
export type EndpointSecrets = Map<string, string | null>

/** Of a chatbot of which nothing was said. */
export const NO_SETTINGS: Settings = {
  llmEndpointUrl: null,
  model: null,
  fallbacks: [],
  instructions: null,
  temperature: null,
  contextTokens: null,
  maxOutputTokens: null,
  internetEnabled: false,
  files: [],
}

/** What is given, over what was. */
export const changedSettings = (before: Settings, given: ChatbotChanges): Settings => ({
  llmEndpointUrl: or(given.llm_endpoint_url, before.llmEndpointUrl),
  model: or(given.model, before.model),
  fallbacks: (given.fallbacks ?? before.fallbacks).map(({ llm_endpoint_url, model }) => ({ llm_endpoint_url, model })),
  instructions: or(given.instructions, before.instructions),
  temperature: or(given.temperature, before.temperature),
  contextTokens: or(given.context_tokens, before.contextTokens),
  maxOutputTokens: or(given.max_output_tokens, before.maxOutputTokens),
  internetEnabled: given.internet_enabled ?? before.internetEnabled,
  files: given.files ?? before.files,
})

const or = <T>(given: T | undefined, before: T): T => (given === undefined ? before : given)

/** Whether they say the same. */
export const areSame = (one: Settings, other: Settings): boolean =>
  JSON.stringify(changedSettings(one, {})) === JSON.stringify(changedSettings(other, {}))

/** The origins that an answer may be asked of. */
export const originsOf = ({ llmEndpointUrl, fallbacks }: Settings): string[] => {
  const urls = [llmEndpointUrl, ...fallbacks.map(({ llm_endpoint_url }) => llm_endpoint_url)]
  return [...new Set(urls.filter((url) => url !== null).map(originOf))]
}

/**
 * Judges what is given, of which `settings` came, and gives the secrets in it. What was stored before is not judged again.
 * @throws AppError `validation_failed` for an address that may not be called, for a model that is not served when there is
 *   no address, and for a secret without an address or beside another of its origin
 */
export function judgeSettings(
  ctx: Ctx,
  given: ChatbotChanges,
  settings: Settings,
  ownHosts: string[],
): EndpointSecrets {
  const faults = [...addressFaults(ctx, given, ownHosts), ...modelFaults(ctx, given, settings)]
  if (faults.length > 0) throw invalid(faults)
  return secretsOf(given, settings)
}

function addressFaults({ config, log, user }: Ctx, given: ChatbotChanges, ownHosts: string[]): FieldError[] {
  const addresses = [
    { pointer: '/llm_endpoint_url', url: given.llm_endpoint_url },
    ...(given.fallbacks ?? []).map((fallback, at) => ({
      pointer: `/fallbacks/${at}/llm_endpoint_url`,
      url: fallback.llm_endpoint_url,
    })),
  ]
  return addresses.flatMap(({ pointer, url }) => {
    const detail = url && endpointFault(url, config, ownHosts)
    if (!detail) return []
    log('warn', 'ssrf_refused', { user_id: user.id, host: URL.parse(url)?.hostname.slice(0, 253) ?? null })
    return [{ pointer, detail }]
  })
}

function modelFaults({ config }: Ctx, given: ChatbotChanges, { model, llmEndpointUrl }: Settings): FieldError[] {
  const isGiven = given.model !== undefined || given.llm_endpoint_url !== undefined
  if (!isGiven || llmEndpointUrl !== null || model === null) return []
  if (config.MODELS.some(({ id }) => id === model)) return []
  return [{ pointer: '/model', detail: 'This model is not served here, and there is no endpoint that could have it' }]
}

function secretsOf(given: ChatbotChanges, { llmEndpointUrl }: Settings): EndpointSecrets {
  const entries = [
    { pointer: '/llm_api_key', url: llmEndpointUrl, secret: given.llm_api_key },
    ...(given.fallbacks ?? []).map((fallback, at) => ({
      pointer: `/fallbacks/${at}/llm_api_key`,
      url: fallback.llm_endpoint_url,
      secret: fallback.llm_api_key,
    })),
  ]
  const secrets: EndpointSecrets = new Map()
  for (const { pointer, url, secret } of entries) {
    if (secret === undefined) continue
    if (url === null) {
      if (secret !== null) throw invalid([{ pointer, detail: 'There is no llm_endpoint_url that it could be for' }])
      continue
    }
    const known = secrets.get(originOf(url))
    if (known !== undefined && known !== secret) {
      throw invalid([{ pointer, detail: 'Another key is given for the same origin, and a chatbot has one for each' }])
    }
    secrets.set(originOf(url), secret)
  }
  return secrets
}
