import { env } from 'cloudflare:workers'
import { type KeyKind, newApiKey, shownOf } from '../../src/lib/api-keys.ts'
import { sha256 } from '../../src/lib/digests.ts'
import { newId } from '../../src/lib/ids.ts'
import { client, type SignedIn } from './client.ts'
import { noteSecrets } from './secrets.ts'

type Settings = Partial<{
  llm_endpoint_url: string
  model: string
  fallbacks: object[]
  instructions: string
  temperature: number
  context_tokens: number
  max_output_tokens: number
  internet_enabled: boolean
  files: string[]
}>

type KeySettings = Partial<{
  kind: KeyKind
  scopes: string[]
  models: string[]
  allowed_origins: string[]
  rpm: number
  monthly_token_cap: number
  expires_at: number
}>

const json = JSON.stringify

/** A fresh chatbot of a user's, and its id. */
export async function newChatbot(user: SignedIn, settings: Settings = {}): Promise<string> {
  const id = newId()
  const now = Date.now()
  const { llm_endpoint_url = null, model = null, instructions = null, temperature = null } = settings
  const { context_tokens = null, max_output_tokens = null, internet_enabled = false } = settings
  await env.DB.batch([
    env.DB.prepare(
      'INSERT INTO chatbots (id, user_id, name, version, created_at, updated_at) VALUES (?, ?, ?, 1, ?, ?)',
    ).bind(id, user.user.id, 'Bot', now, now),
    env.DB.prepare(
      `INSERT INTO chatbot_versions (chatbot_id, version, llm_endpoint_url, model, fallbacks, instructions, temperature,
        context_tokens, max_output_tokens, internet_enabled, files, created_at) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).bind(
      id,
      llm_endpoint_url,
      model,
      json(settings.fallbacks ?? []),
      instructions,
      temperature,
      context_tokens,
      max_output_tokens,
      internet_enabled ? 1 : 0,
      json(settings.files ?? []),
      now,
    ),
  ])
  return id
}

/** A fresh key of a chatbot, with a client that uses it. */
export async function newKey(user: SignedIn, chatbotId: string, settings: KeySettings = {}) {
  const kind = settings.kind ?? 'sk'
  const key = newApiKey(kind)
  noteSecrets({ key })
  const { prefix, lastFour } = shownOf(key)
  const id = newId()
  await env.DB.prepare(
    `INSERT INTO api_keys (id, chatbot_id, user_id, family_id, kind, hash, prefix, last_four, name, scopes, models,
      allowed_origins, rpm, monthly_token_cap, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'Key', ?, ?, ?, ?, ?, ?, ?)`,
  )
    .bind(
      id,
      chatbotId,
      user.user.id,
      id,
      kind,
      await sha256(key),
      prefix,
      lastFour,
      json(settings.scopes ?? [kind === 'pk' ? 'chat:public' : 'chat']),
      json(settings.models ?? []),
      json(settings.allowed_origins ?? []),
      settings.rpm ?? null,
      settings.monthly_token_cap ?? null,
      settings.expires_at ?? null,
      Date.now(),
    )
    .run()
  return Object.assign(client(key), { id, key })
}
