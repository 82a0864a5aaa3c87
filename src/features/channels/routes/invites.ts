import { z } from '@hono/zod-openapi'
import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, json, noContent, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { text } from '../../../lib/wire-fields.ts'
import { ChannelParam, InviteParams, UNSEEN } from '../responses.ts'
import { Channel, Invite, MadeInvite, NewInvite } from '../schemas/channel.ts'
import * as invites from '../service/invites.ts'
import { toChannel, toInvite } from '../wire/channel.ts'

const tags = ['channels']

export const inviteRoutes = createRouter()

inviteRoutes.openapi(
  authed(
    {
      operationId: 'createInvite',
      tags,
      method: 'post',
      path: '/channels/{id}/invites',
      summary: 'Make an invitation, as an owner or a moderator',
      request: { params: ChannelParam, headers: IdempotencyHeader, body: body(NewInvite) },
      responses: {
        201: json(MadeInvite, 'The invitation with its code, which is shown this once', 'Idempotency-Replayed'),
      },
    },
    [...UNSEEN, 'forbidden', 'direct_channel', 'idempotency_key_invalid', 'idempotency_key_reused'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    const made = await invites.createInvite(
      c.var.ctx,
      c.req.valid('param').id,
      { expiresInS: given.expires_in, maxUses: given.max_uses },
      await idempotencyOf(c, given),
    )
    return c.json({ ...toInvite(made.invite), code: made.code }, 201, replayedHeader(made.replayed))
  },
)

inviteRoutes.openapi(
  authed(
    {
      operationId: 'listInvites',
      tags,
      method: 'get',
      path: '/channels/{id}/invites',
      summary: 'List the invitations of a channel, newest first',
      request: { params: ChannelParam, query: PageQuery },
      responses: { 200: page(Invite, 'One page of invitations') },
    },
    [...UNSEEN, 'forbidden', 'direct_channel', 'validation_failed'],
  ),
  async (c) => {
    const found = await invites.listInvites(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toInvite), 200, nextPage(c, found))
  },
)

inviteRoutes.openapi(
  authed(
    {
      operationId: 'revokeInvite',
      tags,
      method: 'delete',
      path: '/channels/{id}/invites/{invite_id}',
      summary: 'Take an invitation back',
      request: { params: InviteParams },
      responses: { 204: noContent('Nobody comes in by it any more') },
    },
    [...UNSEEN, 'forbidden', 'direct_channel'],
  ),
  async (c) => {
    const { id, invite_id } = c.req.valid('param')
    await invites.revokeInvite(c.var.ctx, id, invite_id)
    return c.body(null, 204)
  },
)

inviteRoutes.openapi(
  authed(
    {
      operationId: 'acceptInvite',
      tags,
      method: 'post',
      path: '/invites/{code}/accept',
      summary: 'Join the channel that an invitation leads to',
      request: {
        params: z.object({
          code: text(64).openapi({ param: { name: 'code', in: 'path' }, example: 'hUj0Yc3lZ9sQ1xv2' }),
        }),
      },
      responses: { 200: json(Channel, 'The channel, also if you were in it') },
    },
    [...UNSEEN, 'gone', 'limit_reached', 'overloaded'],
  ),
  async (c) => c.json(toChannel(await invites.acceptInvite(c.var.ctx, c.req.valid('param').code)), 200),
)
