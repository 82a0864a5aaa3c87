import type { Config } from '../env.ts'
import { offlineProvider } from './offline.ts'
import { openAiProvider } from './openai.ts'
import { type OpenSecret, sendToEndpoint, sendToProvider } from './outgoing.ts'
import type { Provider, ReadPicture } from './provider.ts'
import type { Target } from './targets.ts'

type Settings = Pick<
  Config,
  | 'OPENAI_API_KEY'
  | 'OPENAI_BASE_URL'
  | 'OFFLINE_TOKEN_MS'
  | 'LLM_ENDPOINTS'
  | 'LLM_ENDPOINT_ALLOWLIST'
  | 'DNS_OVER_HTTPS_URL'
>

/** What the one who asks has, and models need: its files, and the keys of its endpoints. */
export type Access = { readPicture: ReadPicture; openSecret: OpenSecret }

/** Who serves a target. An endpoint never meets our own key. */
export function providerFor(target: Target, settings: Settings, { readPicture, openSecret }: Access): Provider {
  if (target.endpoint) return openAiProvider(sendToEndpoint(target.endpoint, settings, openSecret), readPicture)
  if (target.provider === 'offline') return offlineProvider(settings.OFFLINE_TOKEN_MS)
  return openAiProvider(sendToProvider(settings), readPicture)
}
