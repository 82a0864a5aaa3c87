import type { Context } from 'hono'
import { createRouter } from '../../http/create-app.ts'
import { authed } from '../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf } from '../../http/idempotency.ts'
import { body, IdParam, json, page, QUOTA_HEADERS } from '../../http/openapi.ts'
import { nextPage, PageQuery } from '../../http/pages.ts'
import { answerReply, eventStream, LastEventId, RUN_ERRORS, seqOf, toEventStream } from '../runs/responses.ts'
import { Run } from '../runs/schemas/run.ts'
import * as runs from '../runs/service.ts'
import { ChatAnswer, ChatRequest, Message, NewMessage, toMessage, toReplySettings } from './schemas.ts'
import * as messages from './service.ts'

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

export const messageRoutes = createRouter()

messageRoutes.openapi(
  authed(
    {
      operationId: 'listMessages',
      tags,
      method: 'get',
      path: '/conversations/{id}/messages',
      summary: 'The newest messages of a conversation, in the order in which they were said; the next page is older',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: page(Message, 'One page of messages') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const found = await messages.listMessages(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toMessage), 200, nextPage(c, found))
  },
)

messageRoutes.openapi(
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
    const { stream, content, ...settings } = c.req.valid('json')
    const idempotency = await idempotencyOf(c, { content, ...settings })
    const request = { conversationId: c.req.valid('param').id, content, idempotency, ...toReplySettings(settings) }
    const streams = stream || wantsStream(c)
    const feed = await runs.startReply(c.var.ctx, request, streams ? seqOf(c.req.valid('header')['last-event-id']) : 0)
    if (feed === 'ended') return c.body(null, 204)
    if (streams) return toEventStream(feed, c.var.config) as never
    return answerReply(c, feed, async (stored, headers) => {
      const reply =
        (stored as Message | undefined) ?? toMessage(await messages.getMessage(c.var.ctx, feed.run.messageId))
      return c.json(reply, 201, { ...headers, location: `/api/v1/messages/${reply.id}` })
    })
  },
)

messageRoutes.openapi(
  authed(
    {
      operationId: 'getMessage',
      tags,
      method: 'get',
      path: '/messages/{id}',
      summary: 'One message',
      request: { params: IdParam },
      responses: { 200: json(Message, 'The message') },
    },
    ['not_found'],
  ),
  async (c) => c.json(toMessage(await messages.getMessage(c.var.ctx, c.req.valid('param').id)), 200),
)

messageRoutes.openapi(
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
    const { message, chat_id, ...settings } = c.req.valid('json')
    const idempotency = await idempotencyOf(c, c.req.valid('json'))
    const request = { conversationId: chat_id, content: message, idempotency, ...toReplySettings(settings) }
    const feed = await runs.startReply(c.var.ctx, request, 0)
    if (feed === 'ended') throw new Error('A watch from the start cannot be at the end')
    return answerReply(c, feed, async (stored, headers) => {
      const { id, messageId, conversationId } = feed.run
      const { content } = stored ?? (await messages.getMessage(c.var.ctx, messageId))
      return c.json({ response: content, chat_id: conversationId, message_id: messageId, run_id: id }, 200, headers)
    })
  },
)

const wantsStream = (c: Context) => /(^|,)\s*text\/event-stream/i.test(c.req.header('accept') ?? '')
