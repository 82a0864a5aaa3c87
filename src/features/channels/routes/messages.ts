import { z } from '@hono/zod-openapi'
import type { Ctx } from '../../../http/context.ts'
import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader } from '../../../http/idempotency.ts'
import { body, json, noContent } from '../../../http/openapi.ts'
import { PageQuery } from '../../../http/pages.ts'
import { versionOf } from '../../../lib/version-tags.ts'
import {
  ChannelParam,
  channelPage,
  goOn,
  IfMatch,
  MessageParams,
  nonceOf,
  placeHeaders,
  REFUSED,
  tagOf,
  UNSEEN,
} from '../responses.ts'
import { ChannelMessage, ChatMessage, EditedMessage, MessageVersion, NewChannelMessage } from '../schemas/message.ts'
import * as messages from '../service/messages.ts'
import { toChannelMessage, toMessageVersion } from '../wire/message.ts'

const tags = ['channels']

const SEND = [
  ...UNSEEN,
  'muted',
  'nonce_conflict',
  'limit_reached',
  'file_not_found',
  'idempotency_key_invalid',
  'rate_limit_exceeded',
  'overloaded',
] as const

const LIMIT = { limit: PageQuery.shape.limit }
const seqParam = z
  .string()
  .regex(/^\d{1,15}$/, 'A number')
  .transform(Number)
  .optional()
  .openapi({ type: 'integer', format: 'int64', minimum: 0, maximum: 999_999_999_999_999, example: 413 })

export const channelMessageRoutes = createRouter()

/** A message as it is answered to who asks. */
const shown = ({ user }: Ctx, channelId: string, { message, reacted }: messages.ViewedMessage) =>
  toChannelMessage(channelId, message, { id: user.id, reacted })

type Sent = z.infer<typeof NewChannelMessage>

async function send(ctx: Ctx, channelId: string, given: Sent, nonce: string | undefined) {
  const { content, thread_id: threadId, attachments } = given
  const sent = await messages.sendMessage(ctx, channelId, { content, threadId, attachments, nonce })
  const message: z.infer<typeof ChannelMessage> = sent.found ? shown(ctx, channelId, sent.found) : sent.pushed
  return { message, status: sent.isDuplicate ? (200 as const) : (201 as const) }
}

const SENT = {
  200: json(ChannelMessage, 'An earlier send with this nonce has made it'),
  201: json(ChannelMessage, 'The new message'),
}

channelMessageRoutes.openapi(
  authed(
    {
      operationId: 'sendChannelMessage',
      tags,
      method: 'post',
      path: '/channels/{id}/messages',
      summary: 'Say something in a channel; in a public one you join by it',
      request: { params: ChannelParam, headers: IdempotencyHeader, body: body(NewChannelMessage) },
      responses: SENT,
    },
    SEND,
  ),
  async (c) => {
    const given = c.req.valid('json')
    const nonce = await nonceOf(c, given.nonce)
    const { message, status } = await send(c.var.ctx, c.req.valid('param').id, given, nonce)
    return c.json(message, status)
  },
)

channelMessageRoutes.openapi(
  authed(
    {
      operationId: 'sendChatMessage',
      tags,
      method: 'post',
      path: '/chat/messages',
      summary: 'Say something in the channel that the body names',
      request: { headers: IdempotencyHeader, body: body(ChatMessage) },
      responses: SENT,
    },
    SEND,
  ),
  async (c) => {
    const { channel_id, ...given } = c.req.valid('json')
    const { message, status } = await send(c.var.ctx, channel_id, given, await nonceOf(c, given.nonce))
    return c.json(message, status)
  },
)

channelMessageRoutes.openapi(
  authed(
    {
      operationId: 'listChannelMessages',
      tags,
      method: 'get',
      path: '/channels/{id}/messages',
      summary: 'The messages of a channel: newest first, or after a number in order',
      request: {
        params: ChannelParam,
        query: z
          .object({ ...LIMIT, before_seq: seqParam, after_seq: seqParam, around_seq: seqParam })
          .refine(
            ({ before_seq, after_seq, around_seq }) =>
              [before_seq, after_seq, around_seq].filter((seq) => seq !== undefined).length <= 1,
            'Give one of before_seq, after_seq and around_seq',
          ),
      },
      responses: { 200: channelPage(ChannelMessage, 'One page of messages') },
    },
    [...UNSEEN, 'validation_failed'],
  ),
  async (c) => {
    const { id } = c.req.valid('param')
    const asked = c.req.valid('query')
    const { view, items } = await messages.listMessages(c.var.ctx, id, asked)
    const last = items.length === asked.limit ? items.at(-1)?.message.seq : undefined
    const more = goOn(c, asked.after_seq === undefined ? 'before_seq' : 'after_seq', last)
    return c.json(
      items.map((each) => shown(c.var.ctx, id, each)),
      200,
      { ...more, ...placeHeaders(view) },
    )
  },
)

channelMessageRoutes.openapi(
  authed(
    {
      operationId: 'getChannelMessage',
      tags,
      method: 'get',
      path: '/channels/{id}/messages/{message_id}',
      summary: 'One message of a channel',
      request: { params: MessageParams },
      responses: { 200: json(ChannelMessage, 'The message', 'ETag') },
    },
    UNSEEN,
  ),
  async (c) => {
    const { id, message_id } = c.req.valid('param')
    const message = shown(c.var.ctx, id, await messages.getMessage(c.var.ctx, id, message_id))
    return c.json(message, 200, { etag: await tagOf(message.version, message), 'cache-control': 'private, no-cache' })
  },
)

channelMessageRoutes.openapi(
  authed(
    {
      operationId: 'listReplies',
      tags,
      method: 'get',
      path: '/channels/{id}/messages/{message_id}/replies',
      summary: 'The replies to a message, oldest first',
      request: { params: MessageParams, query: z.object({ ...LIMIT, after_seq: seqParam }) },
      responses: { 200: channelPage(ChannelMessage, 'One page of replies') },
    },
    [...UNSEEN, 'validation_failed'],
  ),
  async (c) => {
    const { id, message_id } = c.req.valid('param')
    const { limit, after_seq = 0 } = c.req.valid('query')
    const { view, items } = await messages.listReplies(c.var.ctx, id, message_id, limit, after_seq)
    const more = goOn(c, 'after_seq', items.length === limit ? items.at(-1)?.message.seq : undefined)
    return c.json(
      items.map((each) => shown(c.var.ctx, id, each)),
      200,
      { ...more, ...placeHeaders(view) },
    )
  },
)

channelMessageRoutes.openapi(
  authed(
    {
      operationId: 'listMessageVersions',
      tags,
      method: 'get',
      path: '/channels/{id}/messages/{message_id}/versions',
      summary: 'What a message said before, for its author and moderators',
      request: { params: MessageParams },
      responses: {
        200: json(z.array(MessageVersion).max(100), 'The newest hundred, newest first'),
      },
    },
    [...UNSEEN, 'forbidden'],
  ),
  async (c) => {
    const { id, message_id } = c.req.valid('param')
    return c.json((await messages.listVersions(c.var.ctx, id, message_id)).map(toMessageVersion), 200)
  },
)

channelMessageRoutes.openapi(
  authed(
    {
      operationId: 'editChannelMessage',
      tags,
      method: 'patch',
      path: '/channels/{id}/messages/{message_id}',
      summary: 'Change what you have said',
      request: { params: MessageParams, headers: IfMatch, body: body(EditedMessage) },
      responses: { 200: json(ChannelMessage, 'The message', 'ETag') },
    },
    [...REFUSED, 'muted', 'gone', 'precondition_failed', 'limit_reached'],
  ),
  async (c) => {
    const { id, message_id } = c.req.valid('param')
    const change = { ...c.req.valid('json'), version: versionOf(c.req.header('if-match')) }
    const message = shown(c.var.ctx, id, await messages.editMessage(c.var.ctx, id, message_id, change))
    return c.json(message, 200, { etag: await tagOf(message.version, message) })
  },
)

channelMessageRoutes.openapi(
  authed(
    {
      operationId: 'deleteChannelMessage',
      tags,
      method: 'delete',
      path: '/channels/{id}/messages/{message_id}',
      summary: 'Delete a message of yours, or as a moderator anybody’s',
      request: { params: MessageParams },
      responses: { 204: noContent('Its place is empty, also if it was') },
    },
    REFUSED,
  ),
  async (c) => {
    const { id, message_id } = c.req.valid('param')
    await messages.deleteMessage(c.var.ctx, id, message_id)
    return c.body(null, 204)
  },
)
