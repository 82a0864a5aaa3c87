import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { CallerEnv } from '../../http/context.ts'
import { createRouter } from '../../http/create-app.ts'
import { isFor, openAiKeyed } from '../../http/guards.ts'
import { callerIdempotencyOf, fingerprintOf, IdempotencyHeader } from '../../http/idempotency.ts'
import { body, described, json, QUOTA_HEADERS } from '../../http/openapi.ts'
import { runOfCompletion } from '../../lib/openai-chunks.ts'
import { text } from '../../lib/wire-fields.ts'
import { LastEventId, RUN_ERRORS, seqOf } from '../runs/responses.ts'
import { toChunkStream, toCompletion } from './responses.ts'
import { ChatCompletion, ModelEntry, ModelList } from './schemas/answers.ts'
import { ChatCompletionRequest } from './schemas/request.ts'
import { complete } from './service/complete.ts'
import { getModel, listModels, type NamedModel } from './service/models.ts'
import { watchCompletion } from './service/watch.ts'

const tags = ['gateway']

export const gatewayRoutes = createRouter()

const toModelEntry = ({ id, ownedBy, createdAt }: NamedModel): z.infer<typeof ModelEntry> => ({
  id,
  object: 'model',
  created: Math.floor(createdAt.getTime() / 1_000),
  owned_by: ownedBy,
})

gatewayRoutes.openapi(
  openAiKeyed({
    operationId: 'listModels',
    tags,
    method: 'get',
    path: '/models',
    scope: 'models',
    summary: 'What I can name in `model`',
    responses: { 200: json(ModelList, 'The chatbot of the key and the models that it opens, or all of a user’s own') },
  }),
  async (c) => {
    const data = (await listModels(c.var.ctx)).map(toModelEntry)
    return c.json({ object: 'list' as const, data }, 200)
  },
)

const ModelParam = z.object({
  id: text(200)
    .min(1)
    .openapi({ param: { name: 'id', in: 'path' }, example: 'parley-offline' }),
})

gatewayRoutes.openapi(
  openAiKeyed(
    {
      operationId: 'getModel',
      tags,
      method: 'get',
      path: '/models/{id}',
      scope: 'models',
      summary: 'One of them',
      request: { params: ModelParam },
      responses: { 200: json(ModelEntry, 'The model') },
    },
    ['model_not_found', 'not_found'],
  ),
  async (c) => c.json(toModelEntry(await getModel(c.var.ctx, c.req.valid('param').id)), 200),
)

const completionAnswer = (description: string) => ({
  description,
  headers: described('X-Run-Id', 'Location', 'Idempotency-Replayed', ...QUOTA_HEADERS),
  content: {
    'application/json': { schema: ChatCompletion },
    'text/event-stream': {
      schema: text(1_000_000_000).openapi({
        description: '`chat.completion.chunk`s, then `[DONE]`, or an error (docs/gateway.md)',
      }),
    },
  },
})

const CompletionHeaders = IdempotencyHeader.extend(LastEventId.shape).extend({
  'x-on-disconnect': z.enum(['continue', 'cancel']).optional().openapi({
    description: 'What happens when I leave: it goes on, or is cancelled. Without it there is a while to come back',
  }),
  'x-stainless-retry-count': text(20).optional().openapi({
    description: 'Sent by clients of OpenAI that try again by themselves: they get what they asked for before',
  }),
})

gatewayRoutes.openapi(
  openAiKeyed(
    {
      operationId: 'createChatCompletion',
      tags,
      method: 'post',
      path: '/chat/completions',
      limit: 'chat',
      scope: 'chat',
      isLarge: true,
      summary: 'Ask a chatbot or a model, as of OpenAI',
      request: { headers: CompletionHeaders, body: body(ChatCompletionRequest) },
      responses: {
        200: completionAnswer('The answer, whole or with `stream` in pieces'),
        204: { description: 'Nothing follows the event that `Last-Event-ID` names' },
      },
    },
    [
      ...RUN_ERRORS,
      'model_not_found',
      'role_not_allowed',
      'unsupported_parameter',
      'idempotency_key_invalid',
      'idempotency_key_reused',
      'plan_limit_reached',
      'key_limit_reached',
      'quota_in_flight',
      'too_many_runs',
      'run_cancelled',
      'run_unfinished',
      'run_expired',
    ],
  ),
  async (c) => {
    const request = c.req.valid('json')
    const headers = c.req.valid('header')
    const { key } = c.var.ctx.caller
    const { stream: _, stream_options: __, ...content } = request
    const fingerprint = () => fingerprintOf(c, content)
    const feed = await complete(c.var.ctx, request, {
      idempotency: await callerIdempotencyOf(c, fingerprint),
      fingerprint,
      isRetry: Number(headers['x-stainless-retry-count'] ?? 0) >= 1,
      lastEventId: request.stream ? seqOf(headers['last-event-id']) : 0,
      signal: c.req.raw.signal,
      onDisconnect: headers['x-on-disconnect'],
    })
    return answer(
      c,
      feed,
      request.stream === true && {
        includeUsage: request.stream_options?.include_usage === true,
        mayResume: !key || isFor(key, 'runs'),
      },
    )
  },
)

const CompletionParam = z.object({
  id: text(100)
    .regex(/^chatcmpl-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    .openapi({ param: { name: 'id', in: 'path' }, example: 'chatcmpl-019b76da-a800-7000-8000-000000000000' }),
})

gatewayRoutes.openapi(
  openAiKeyed(
    {
      operationId: 'getChatCompletion',
      tags,
      method: 'get',
      path: '/chat/completions/{id}',
      scope: 'runs',
      summary: 'A completion that is being written or was, whole or as a stream after the last event seen',
      request: {
        params: CompletionParam,
        headers: LastEventId,
      },
      responses: {
        200: completionAnswer('The completion; with `Accept: text/event-stream` what follows, live to the end'),
        204: { description: 'Nothing follows: the last event seen is the terminal one' },
      },
    },
    [...RUN_ERRORS, 'not_found', 'run_not_found', 'run_in_progress', 'run_cancelled', 'run_expired', 'run_unfinished'],
  ),
  async (c) => {
    const isStream = /\btext\/event-stream\b/i.test(c.req.header('accept') ?? '')
    const after = isStream ? seqOf(c.req.valid('header')['last-event-id']) : 0
    const feed = await watchCompletion(c.var.ctx, runOfCompletion(c.req.valid('param').id), after, isStream)
    return answer(c, feed, isStream && { mayResume: true })
  },
)

/** As the client wants it: in pieces, or whole. */
async function answer(
  c: Context<CallerEnv>,
  feed: Awaited<ReturnType<typeof complete>>,
  stream: Parameters<typeof toChunkStream>[2] | false,
) {
  if (feed === 'ended') return c.body(null, 204)
  if (stream) return toChunkStream(feed, c.var.config, stream) as never
  return c.json(await toCompletion(c, feed), 200)
}
