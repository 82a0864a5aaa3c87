import type { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { AuthedEnv } from '../../../http/context.ts'
import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, IdParam, json, QUOTA_HEADERS } from '../../../http/openapi.ts'
import {
  answerReply,
  eventStream,
  isFolded,
  LastEventId,
  RUN_ERRORS,
  StreamFormat,
  seqOf,
  toEventStream,
} from '../../runs/responses.ts'
import { Run } from '../../runs/schemas/run.ts'
import type { ReplyRequest } from '../../runs/service.ts'
import * as runs from '../../runs/service.ts'
import { ChatAnswer, ChatRequest, Message, NewMessage, RegenerateRequest } from '../schemas.ts'
import { getMessage } from '../service/read.ts'
import { storeMessage } from '../service/write.ts'
import { toMessage, toReplySettings } from '../wire.ts'

const tags = ['messages']

/** What asking for a reply can end in before there is a run. */
const ADMISSION_ERRORS = [
  'idempotency_key_invalid',
  'model_not_allowed',
  'not_found',
  'file_not_found',
  'conversation_busy',
  'idempotency_key_reused',
  'plan_limit_reached',
  'quota_in_flight',
  'too_many_runs',
] as const

const LATER = json(
  Run,
  'It takes longer, or `Prefer: respond-async`: watch the run',
  'Location',
  'X-Run-Id',
  'Idempotency-Replayed',
  ...QUOTA_HEADERS,
)

export const replyRoutes = createRouter()

replyRoutes.openapi(
  authed(
    {
      operationId: 'createMessage',
      tags,
      method: 'post',
      path: '/conversations/{id}/messages',
      summary: 'Say something, and get the reply as JSON or as a stream',
      limit: 'chat',
      request: {
        params: IdParam,
        headers: IdempotencyHeader.extend(LastEventId.shape),
        query: StreamFormat,
        body: body(NewMessage),
      },
      responses: {
        200: eventStream('The reply as a stream of events'),
        201: json(Message, 'The reply', 'Location', 'X-Run-Id', 'Idempotency-Replayed', ...QUOTA_HEADERS),
        202: LATER,
        204: { description: 'Replayed with `Last-Event-ID` of the terminal event: nothing follows' },
      },
    },
    [...ADMISSION_ERRORS, ...RUN_ERRORS],
  ),
  async (c) => {
    const { stream, reply, content, files, parent_id, ...settings } = c.req.valid('json')
    const idempotency = await idempotencyOf(c, { content, files, reply, parent_id, ...settings })
    const conversationId = c.req.valid('param').id
    const at = parent_id === undefined ? { conversationId } : { conversationId, parentId: parent_id }
    if (!reply) {
      const { message, replayed } = await storeMessage(c.var.ctx, at, { content, files }, idempotency)
      return c.json(toMessage(message), 201, { ...locationOf(message.id), ...replayedHeader(replayed) })
    }
    const request = { prompt: { content, files, at }, idempotency, ...toReplySettings(settings) }
    return replyTo(c, request, { stream, ...c.req.valid('query') })
  },
)

replyRoutes.openapi(
  authed(
    {
      operationId: 'regenerateMessage',
      tags,
      method: 'post',
      path: '/messages/{id}/regenerate',
      summary: 'Another reply beside this one, or a reply to this message of mine',
      limit: 'chat',
      request: {
        params: IdParam,
        headers: IdempotencyHeader.extend(LastEventId.shape),
        query: StreamFormat,
        body: { ...body(RegenerateRequest), required: false as const },
      },
      responses: {
        200: eventStream('The reply as a stream of events'),
        201: json(Message, 'The reply', 'Location', 'X-Run-Id', 'Idempotency-Replayed', ...QUOTA_HEADERS),
        202: LATER,
        204: { description: 'Replayed with `Last-Event-ID` of the terminal event: nothing follows' },
      },
    },
    ['conflict', ...ADMISSION_ERRORS.filter((code) => code !== 'file_not_found'), ...RUN_ERRORS],
  ),
  async (c) => {
    const { stream, ...settings } = RegenerateRequest.parse(c.req.valid('json') ?? {})
    const idempotency = await idempotencyOf(c, settings)
    const prompt = { at: { answerTo: c.req.valid('param').id } }
    const request = { prompt, idempotency, ...toReplySettings(settings) }
    return replyTo(c, request, { stream, ...c.req.valid('query') })
  },
)

replyRoutes.openapi(
  authed(
    {
      operationId: 'sendChat',
      tags,
      method: 'post',
      path: '/chat',
      summary: 'Say something in a conversation or in a new one, and get the text of the reply',
      limit: 'chat',
      request: { headers: IdempotencyHeader, body: body(ChatRequest) },
      responses: {
        200: json(ChatAnswer, 'The reply', 'X-Run-Id', 'Idempotency-Replayed', ...QUOTA_HEADERS),
        202: LATER,
      },
    },
    [...ADMISSION_ERRORS, ...RUN_ERRORS],
  ),
  async (c) => {
    const { message, files, chat_id, ...settings } = c.req.valid('json')
    const idempotency = await idempotencyOf(c, c.req.valid('json'))
    const prompt = { content: message, files, at: chat_id === undefined ? undefined : { conversationId: chat_id } }
    const request = { prompt, idempotency, ...toReplySettings(settings) }
    const feed = await runs.startReply(c.var.ctx, request, 0)
    if (feed === 'ended') throw new Error('A watch from the start cannot be at the end')
    return answerReply(c, feed, async (stored, headers) => {
      const { id, messageId, conversationId } = feed.run
      const { content } = stored ?? (await getMessage(c.var.ctx, messageId))
      return c.json({ response: content, chat_id: conversationId, message_id: messageId, run_id: id }, 200, headers)
    })
  },
)

type Form = { stream: boolean } & z.infer<typeof StreamFormat>

/** The reply to what is asked: as it is made, or when it is whole. */
async function replyTo(c: Context<AuthedEnv>, request: ReplyRequest, { stream, format }: Form) {
  const streams = stream || format !== undefined || wantsStream(c)
  const lastEventId = streams ? seqOf(c.req.header('last-event-id')) : 0
  const feed = await runs.startReply(c.var.ctx, request, lastEventId, isFolded(format))
  if (feed === 'ended') return c.body(null, 204)
  if (streams) return toEventStream(feed, c.var.config, format) as never
  return answerReply(c, feed, async (stored, headers) => {
    const reply = (stored as Message | undefined) ?? toMessage(await getMessage(c.var.ctx, feed.run.messageId))
    return c.json(reply, 201, { ...headers, ...locationOf(reply.id) })
  })
}

const locationOf = (id: string) => ({ location: `/api/v1/messages/${id}` })

const wantsStream = (c: Context) => /(^|,)\s*text\/event-stream/i.test(c.req.header('accept') ?? '')
