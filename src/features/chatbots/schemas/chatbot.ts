import { z } from '@hono/zod-openapi'
import { id, modelName, moment, SHOWN } from '../../../http/fields.ts'
import { PageQuery } from '../../../http/pages.ts'
import { MAX_URL_LENGTH } from '../../../lib/public-urls.ts'
import { filled, integer, notBlank, text } from '../../../lib/wire-fields.ts'

const HANDLE = '^[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]$'
/** A URL is judged in full when it is stored; white space and control characters would be dropped silently by its parser. */
const URL_TEXT = '^[^\\s\\u0000-\\u001F\\u007F-\\u009F]+$'
const VISIBLE_ASCII = '^[\\x21-\\x7e]+$'

const name = filled(120)
  .regex(new RegExp(SHOWN, 'u'), 'No control or direction characters')
  .openapi({ pattern: notBlank(SHOWN), example: 'Support' })
const handle = z
  .string()
  .trim()
  .toLowerCase()
  .regex(new RegExp(HANDLE), '3 to 32 letters, digits, dots, dashes or underscores, not at the ends')
  .openapi({ pattern: HANDLE, minLength: 3, maxLength: 32, example: 'support-bot' })
const newHandle = handle.refine((given) => given !== 'channel', 'In channels @channel is everybody')
const endpointUrl = text(MAX_URL_LENGTH)
  .min(1)
  .regex(new RegExp(URL_TEXT, 'u'), 'No white space')
  .openapi({ pattern: URL_TEXT, example: 'https://api.example.com/v1' })
const maybeEndpointUrl = endpointUrl.nullable().openapi({
  description: 'Base URL of an OpenAI-compatible server on the public internet; null for a model that is served here',
})
const endpointKey = text(4_096)
  .min(1)
  .regex(new RegExp(VISIBLE_ASCII), 'Visible ASCII characters only')
  .nullable()
  .optional()
  .openapi({
    writeOnly: true,
    format: 'password',
    pattern: VISIBLE_ASCII,
    example: 'sk-of-that-server',
    description: 'Stored sealed, for the origin of that URL alone, and never shown. Null removes it',
  })
const keySet = z.boolean().openapi({ description: 'Whether a key is stored for the origin of that URL' })
const model = modelName.min(1).nullable()
const ownModel = model.openapi({
  description: 'Its name at the endpoint, or of one that is served here; null for the default',
})
const instructions = filled(16_000)
  .nullable()
  .openapi({ description: 'Told to the model before anything else', example: 'You help customers of a bakery' })
const temperature = z.number().min(0).max(2).nullable().openapi({ example: 0.7 })
const contextTokens = integer(256, 10_000_000).nullable().openapi({
  description: 'Its window; null for what the model has, or for a cautious number at an endpoint',
  example: 128_000,
})
const maxOutputTokens = integer(16, 1_000_000).nullable().openapi({
  description: 'Its longest answer; null likewise',
  example: 4_096,
})
const internetEnabled = z.boolean().openapi({ description: 'Whether it may search the web' })
const files = z
  .array(text(64).openapi({ example: '019b76da-a800-7000-8000-000000000000' }))
  .max(10)
  .refine((ids) => new Set(ids).size === ids.length, 'The same file twice')
  .openapi({ uniqueItems: true, description: 'Ids of uploaded files that it knows; what is deleted since is left out' })
const version = integer(1).openapi({ example: 3 })

const Fallback = z
  .strictObject({ llm_endpoint_url: endpointUrl, model, llm_api_key_set: keySet })
  .openapi('Fallback', { description: 'Another place to ask when the one before fails without having said anything' })
const NewFallback = z
  .strictObject({ llm_endpoint_url: endpointUrl, model: model.default(null), llm_api_key: endpointKey })
  .openapi('NewFallback')
const fallbacks = z.array(NewFallback).max(3)
const FallbackOfVersion = z.strictObject({ llm_endpoint_url: endpointUrl, model }).openapi('FallbackOfVersion')

const settings = {
  model: ownModel,
  instructions,
  temperature,
  context_tokens: contextTokens,
  max_output_tokens: maxOutputTokens,
  internet_enabled: internetEnabled,
  files: z.array(id).max(10),
}

export const Chatbot = z
  .strictObject({
    id,
    name,
    handle: handle.nullable().openapi({ description: 'By which it is mentioned in channels' }),
    owner_id: id,
    llm_endpoint_url: maybeEndpointUrl,
    llm_api_key_set: keySet,
    fallbacks: z.array(Fallback).max(3),
    ...settings,
    version: version.openapi({ description: 'Of the settings; name and handle are not among them' }),
    created_at: moment,
    updated_at: moment,
  })
  .openapi('Chatbot')
export type Chatbot = z.infer<typeof Chatbot>

export const ChatbotVersion = z
  .strictObject({
    version,
    llm_endpoint_url: maybeEndpointUrl,
    fallbacks: z.array(FallbackOfVersion).max(3),
    ...settings,
    created_at: moment,
  })
  .openapi('ChatbotVersion', { description: 'How a chatbot answered from then on until the next version' })
export type ChatbotVersion = z.infer<typeof ChatbotVersion>

export const NewChatbot = z
  .strictObject({
    name,
    handle: newHandle.nullable().default(null),
    llm_endpoint_url: maybeEndpointUrl.default(null),
    llm_api_key: endpointKey,
    model: ownModel.default(null),
    fallbacks: fallbacks.default([]),
    instructions: instructions.default(null),
    temperature: temperature.default(null),
    context_tokens: contextTokens.default(null),
    max_output_tokens: maxOutputTokens.default(null),
    internet_enabled: internetEnabled.default(false),
    files: files.default([]),
  })
  .openapi('NewChatbot')
export type NewChatbot = z.infer<typeof NewChatbot>

export const ChatbotChanges = z
  .strictObject({
    name: name.optional(),
    handle: newHandle.nullable().optional(),
    llm_endpoint_url: maybeEndpointUrl.optional(),
    llm_api_key: endpointKey,
    model: ownModel.optional(),
    fallbacks: fallbacks.optional().openapi({
      description: 'All of them. One without `llm_api_key` keeps what is stored for its origin',
    }),
    instructions: instructions.optional(),
    temperature: temperature.optional(),
    context_tokens: contextTokens.optional(),
    max_output_tokens: maxOutputTokens.optional(),
    internet_enabled: internetEnabled.optional(),
    files: files.optional(),
  })
  .refine((changes) => Object.values(changes).some((value) => value !== undefined), 'Nothing to change')
  .openapi('ChatbotChanges', { minProperties: 1 })
export type ChatbotChanges = z.infer<typeof ChatbotChanges>

export const ChatbotQuery = PageQuery.extend({
  scope: z
    .enum(['own', 'all'])
    .default('own')
    .openapi({ description: '`all` is everybody’s and takes an administrator; the audit log names who looked' }),
})
