import type { apiKeys } from '../../db/schema/index.ts'
import { originOf } from '../../lib/public-urls.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import type { ApiKey } from './schemas/api-key.ts'
import type { Chatbot, ChatbotVersion, NewChatbot } from './schemas/chatbot.ts'
import type { StoredChatbot, StoredVersion } from './service/read.ts'

/** What was asked for without its secrets, for a fingerprint: a hash of a secret that is fast to make would be stored. */
export const withoutSecrets = ({ llm_api_key: _, fallbacks, ...given }: NewChatbot) => ({
  ...given,
  fallbacks: fallbacks.map(({ llm_api_key: _, ...fallback }) => fallback),
})

const settingsOf = (row: StoredVersion) => ({
  model: row.model,
  instructions: row.instructions,
  temperature: row.temperature,
  context_tokens: row.contextTokens,
  max_output_tokens: row.maxOutputTokens,
  internet_enabled: row.internetEnabled,
  files: row.files,
})

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toChatbot = (row: StoredChatbot): Chatbot => {
  const isKeySet = (url: string | null) => url !== null && row.secretOrigins.includes(originOf(url))
  return {
    id: row.id,
    name: row.name,
    handle: row.handle,
    owner_id: row.userId,
    llm_endpoint_url: row.llmEndpointUrl,
    llm_api_key_set: isKeySet(row.llmEndpointUrl),
    fallbacks: row.fallbacks.map(({ llm_endpoint_url, model }) => ({
      llm_endpoint_url,
      model,
      llm_api_key_set: isKeySet(llm_endpoint_url),
    })),
    ...settingsOf(row),
    version: row.version,
    created_at: toTimestamp(row.createdAt),
    updated_at: toTimestamp(row.updatedAt),
  }
}

export const toChatbotVersion = (row: StoredVersion): ChatbotVersion => ({
  version: row.version,
  llm_endpoint_url: row.llmEndpointUrl,
  fallbacks: row.fallbacks.map(({ llm_endpoint_url, model }) => ({ llm_endpoint_url, model })),
  ...settingsOf(row),
  created_at: toTimestamp(row.createdAt),
})

export type StoredKey = typeof apiKeys.$inferSelect

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toApiKey = (row: StoredKey): ApiKey => ({
  id: row.id,
  chatbot_id: row.chatbotId,
  name: row.name,
  kind: row.kind,
  prefix: row.prefix,
  last_four: row.lastFour,
  scopes: row.scopes,
  models: row.models,
  allowed_origins: row.allowedOrigins,
  rpm: row.rpm,
  monthly_token_cap: row.monthlyTokenCap,
  revoked: row.revokedAt !== null,
  expires_at: toTimestamp(row.expiresAt),
  revoked_at: toTimestamp(row.revokedAt),
  rotated_from: row.rotatedFrom,
  last_used_at: toTimestamp(row.lastUsedAt),
  created_at: toTimestamp(row.createdAt),
})
