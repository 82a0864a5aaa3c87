import { z } from '@hono/zod-openapi'
import { createRouter } from '../../../http/create-app.ts'
import { id as idField } from '../../../http/fields.ts'
import { authed } from '../../../http/guards.ts'
import { body, json, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { MAX_MEMBERSHIPS } from '../../../lib/channel-commands.ts'
import { filled } from '../../../lib/wire-fields.ts'
import { ChannelParam, UNSEEN } from '../responses.ts'
import { ReadState, seq, Unread } from '../schemas/channel.ts'
import { FoundMessage } from '../schemas/found-message.ts'
import { listUnread, markRead } from '../service/reading.ts'
import { searchChannels } from '../service/search.ts'
import { toReadState, toUnread } from '../wire/channel.ts'
import { toFoundMessage } from '../wire/found-message.ts'

const tags = ['channels']

/** What is unread, and what can be found again. Its paths come before that of one channel. */
export const readingRoutes = createRouter()

readingRoutes.openapi(
  authed({
    operationId: 'listUnread',
    tags,
    method: 'get',
    path: '/channels/unread',
    summary: 'What is unread in all my channels',
    responses: { 200: json(z.array(Unread).max(MAX_MEMBERSHIPS), 'One entry for each of my channels') },
  }),
  async (c) => c.json((await listUnread(c.var.ctx)).map(toUnread), 200),
)

readingRoutes.openapi(
  authed(
    {
      operationId: 'searchChannels',
      tags,
      method: 'get',
      path: '/channels/search',
      summary: 'Find messages in my channels, or in one, newest first',
      request: {
        query: PageQuery.extend({
          q: filled(200).openapi({ example: 'deploy friday' }),
          channel_id: idField.optional(),
          from: idField.optional().openapi({ description: 'Id of the author' }),
        }),
      },
      responses: { 200: page(FoundMessage, 'One page of messages') },
    },
    [...UNSEEN, 'validation_failed'],
  ),
  async (c) => {
    const found = await searchChannels(c.var.ctx, c.req.valid('query'))
    return c.json(
      found.items.map((hit) => toFoundMessage(hit, c.var.ctx.user.id)),
      200,
      nextPage(c, found),
    )
  },
)

readingRoutes.openapi(
  authed(
    {
      operationId: 'markChannelRead',
      tags,
      method: 'put',
      path: '/channels/{id}/read',
      summary: 'I have read up to here; it never goes back',
      request: {
        params: ChannelParam,
        body: body(z.strictObject({ seq }).openapi('ReadMark')),
      },
      responses: { 200: json(ReadState, 'What is left') },
    },
    UNSEEN,
  ),
  async (c) => c.json(toReadState(await markRead(c.var.ctx, c.req.valid('param').id, c.req.valid('json').seq)), 200),
)
