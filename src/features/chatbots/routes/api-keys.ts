import type { Context } from 'hono'
import type { AuthedEnv } from '../../../http/context.ts'
import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, IdParam, json, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { ApiKey, KeyParams, KeyRotation, MadeApiKey, NewApiKey } from '../schemas/api-key.ts'
import * as keys from '../service/keys.ts'
import { rotateKey } from '../service/rotation.ts'
import { toApiKey } from '../wire.ts'

const tags = ['api-keys']

export const apiKeyRoutes = createRouter()

apiKeyRoutes.openapi(
  authed(
    {
      operationId: 'listApiKeys',
      tags,
      method: 'get',
      path: '/chatbots/{id}/api-keys',
      summary: 'List the API keys of a chatbot, newest first',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: page(ApiKey, 'One page of keys') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const found = await keys.listKeys(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toApiKey), 200, nextPage(c, found))
  },
)

apiKeyRoutes.openapi(
  authed(
    {
      operationId: 'createApiKey',
      tags,
      method: 'post',
      path: '/chatbots/{id}/api-keys',
      summary: 'Make an API key, which opens the chatbot to any client of OpenAI’s API',
      request: { params: IdParam, headers: IdempotencyHeader, body: body(NewApiKey) },
      responses: {
        201: json(MadeApiKey, 'The key, which is shown this once', 'Location', 'Idempotency-Replayed'),
      },
    },
    ['not_found', 'limit_reached', 'idempotency_key_invalid', 'idempotency_key_reused'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    return made(c, await keys.createKey(c.var.ctx, c.req.valid('param').id, given, await idempotencyOf(c, given)))
  },
)

apiKeyRoutes.openapi(
  authed(
    {
      operationId: 'getApiKey',
      tags,
      method: 'get',
      path: '/chatbots/{id}/api-keys/{key_id}',
      summary: 'What is known of an API key',
      request: { params: KeyParams },
      responses: { 200: json(ApiKey, 'The key') },
    },
    ['not_found'],
  ),
  async (c) => {
    const { id, key_id } = c.req.valid('param')
    return c.json(toApiKey(await keys.getKey(c.var.ctx, id, key_id)), 200)
  },
)

apiKeyRoutes.openapi(
  authed(
    {
      operationId: 'revokeApiKey',
      tags,
      method: 'post',
      path: '/chatbots/{id}/api-keys/{key_id}/revoke',
      summary: 'End an API key for good',
      request: { params: KeyParams },
      responses: { 200: json(ApiKey, 'The key, also if it was revoked before') },
    },
    ['not_found'],
  ),
  async (c) => {
    const { id, key_id } = c.req.valid('param')
    return c.json(toApiKey(await keys.revokeKey(c.var.ctx, id, key_id)), 200)
  },
)

apiKeyRoutes.openapi(
  authed(
    {
      operationId: 'rotateApiKey',
      tags,
      method: 'post',
      path: '/chatbots/{id}/api-keys/{key_id}/rotate',
      summary: 'Put a new API key in the place of another one',
      request: {
        params: KeyParams,
        headers: IdempotencyHeader,
        body: { ...body(KeyRotation), required: false as const },
      },
      responses: {
        201: json(MadeApiKey, 'The new key, which is shown this once', 'Location', 'Idempotency-Replayed'),
      },
    },
    ['not_found', 'conflict', 'limit_reached', 'idempotency_key_invalid', 'idempotency_key_reused'],
  ),
  async (c) => {
    const { id: chatbotId, key_id: keyId } = c.req.valid('param')
    const { grace_seconds: graceS } = KeyRotation.parse(c.req.valid('json') ?? {})
    const idempotency = await idempotencyOf(c, { graceS })
    return made(c, await rotateKey(c.var.ctx, { chatbotId, keyId, graceS }, idempotency))
  },
)

/** The answer to whoever made a key. */
function made(c: Context<AuthedEnv>, { key, secret, replayed }: keys.Made) {
  const location = `/api/v1/chatbots/${key.chatbotId}/api-keys/${key.id}`
  return c.json({ ...toApiKey(key), key: secret }, 201, { location, ...replayedHeader(replayed) })
}
