import type { Model } from './models.ts'
import { offlineProvider } from './offline.ts'
import { openAiProvider } from './openai.ts'
import type { Provider, ReadPicture } from './provider.ts'

type Settings = Parameters<typeof openAiProvider>[0] & { OFFLINE_TOKEN_MS: number }

/** Who serves a model. */
export const providerFor = (model: Model, settings: Settings, readPicture: ReadPicture): Provider =>
  model.provider === 'offline' ? offlineProvider(settings.OFFLINE_TOKEN_MS) : openAiProvider(settings, readPicture)
