import { z } from '@hono/zod-openapi'
import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, described, json, noContent, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { versionOf } from '../../../lib/version-tags.ts'
import { trimmed } from '../../../lib/wire-fields.ts'
import { ChannelParam, IfMatch, REFUSED, tagOf, UNSEEN } from '../responses.ts'
import { Channel, ChannelChanges, NewChannel, NewDirectChannel } from '../schemas/channel.ts'
import * as channels from '../service/channels.ts'
import { openDirectChannel } from '../service/direct.ts'
import { toChannel } from '../wire/channel.ts'

const tags = ['channels']

export const channelRoutes = createRouter()

channelRoutes.openapi(
  authed(
    {
      operationId: 'createChannel',
      tags,
      method: 'post',
      path: '/channels',
      summary: 'Make a channel, which is yours',
      request: { headers: IdempotencyHeader, body: body(NewChannel) },
      responses: { 201: json(Channel, 'The new channel', 'Location', 'Idempotency-Replayed') },
    },
    ['idempotency_key_invalid', 'idempotency_key_reused', 'limit_reached', ...UNSEEN],
  ),
  async (c) => {
    const given = c.req.valid('json')
    const { channel, replayed } = await channels.createChannel(c.var.ctx, given, await idempotencyOf(c, given))
    return c.json(toChannel(channel), 201, { location: `/api/v1/channels/${channel.id}`, ...replayedHeader(replayed) })
  },
)

channelRoutes.openapi(
  authed(
    {
      operationId: 'listChannels',
      tags,
      method: 'get',
      path: '/channels',
      summary: 'List channels, newest first: mine, the public ones, or both',
      request: {
        query: PageQuery.extend({
          scope: z.enum(channels.SCOPES).default('all'),
          q: trimmed(200).optional().openapi({ description: 'Words of the name or the description' }),
        }),
      },
      responses: { 200: page(Channel, 'One page of channels') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const found = await channels.listChannels(c.var.ctx, c.req.valid('query'))
    return c.json(found.items.map(toChannel), 200, nextPage(c, found))
  },
)

channelRoutes.openapi(
  authed(
    {
      operationId: 'openDirectChannel',
      tags,
      method: 'post',
      path: '/channels/direct',
      summary: 'The channel of exactly these people, made when first asked for',
      request: { body: body(NewDirectChannel) },
      responses: {
        200: json(Channel, 'It was there'),
        201: json(Channel, 'The new channel', 'Location'),
      },
    },
    ['limit_reached', 'not_found'],
  ),
  async (c) => {
    const { channel, isNew } = await openDirectChannel(c.var.ctx, c.req.valid('json').usernames)
    return isNew
      ? c.json(toChannel(channel), 201, { location: `/api/v1/channels/${channel.id}` })
      : c.json(toChannel(channel), 200)
  },
)

channelRoutes.openapi(
  authed(
    {
      operationId: 'getChannel',
      tags,
      method: 'get',
      path: '/channels/{id}',
      summary: 'One channel',
      request: { params: ChannelParam },
      responses: {
        200: json(Channel, 'The channel', 'ETag'),
        304: { description: 'It is what you have', headers: described('ETag') },
      },
    },
    UNSEEN,
  ),
  async (c) => {
    const view = await channels.getChannel(c.var.ctx, c.req.valid('param').id)
    const shown = toChannel(view)
    const etag = await tagOf(view.version, shown)
    if (c.req.header('if-none-match') === etag) return c.body(null, 304, { etag }) as never
    return c.json(shown, 200, { etag, 'cache-control': 'private, no-cache' })
  },
)

channelRoutes.openapi(
  authed(
    {
      operationId: 'updateChannel',
      tags,
      method: 'patch',
      path: '/channels/{id}',
      summary: 'Change a channel, as its owner or a moderator',
      request: { params: ChannelParam, headers: IfMatch, body: body(ChannelChanges) },
      responses: { 200: json(Channel, 'The channel', 'ETag') },
    },
    [...REFUSED, 'direct_channel', 'precondition_failed'],
  ),
  async (c) => {
    const version = versionOf(c.req.header('if-match'))
    const view = await channels.updateChannel(c.var.ctx, c.req.valid('param').id, c.req.valid('json'), version)
    const shown = toChannel(view)
    return c.json(shown, 200, { etag: await tagOf(view.version, shown) })
  },
)

channelRoutes.openapi(
  authed(
    {
      operationId: 'deleteChannel',
      tags,
      method: 'delete',
      path: '/channels/{id}',
      summary: 'Delete a channel, as its owner',
      request: { params: ChannelParam },
      responses: { 204: noContent('It is gone') },
    },
    [...REFUSED, 'direct_channel'],
  ),
  async (c) => {
    await channels.deleteChannel(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)

channelRoutes.openapi(
  authed(
    {
      operationId: 'joinChannel',
      tags,
      method: 'post',
      path: '/channels/{id}/join',
      summary: 'Join a public channel',
      request: { params: ChannelParam },
      responses: { 200: json(Channel, 'The channel, also if you were in it') },
    },
    [...UNSEEN, 'limit_reached', 'overloaded'],
  ),
  async (c) => c.json(toChannel(await channels.joinChannel(c.var.ctx, c.req.valid('param').id)), 200),
)

channelRoutes.openapi(
  authed(
    {
      operationId: 'leaveChannel',
      tags,
      method: 'post',
      path: '/channels/{id}/leave',
      summary: 'Leave a channel',
      request: { params: ChannelParam },
      responses: { 204: noContent('You are not in it, also if you were not') },
    },
    ['not_found', 'last_owner', 'direct_channel', 'overloaded'],
  ),
  async (c) => {
    await channels.leaveChannel(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)
