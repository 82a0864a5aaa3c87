import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { body, json, noContent } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { ChannelParam, channelPage, placeHeaders, REFUSED, UNSEEN, UserParam } from '../responses.ts'
import { Member, MemberChanges, NewMember } from '../schemas/member.ts'
import * as members from '../service/members.ts'
import { toMember } from '../wire/member.ts'

const tags = ['channels']

export const memberRoutes = createRouter()

memberRoutes.openapi(
  authed(
    {
      operationId: 'listMembers',
      tags,
      method: 'get',
      path: '/channels/{id}/members',
      summary: 'List the members of a channel',
      request: { params: ChannelParam, query: PageQuery },
      responses: { 200: channelPage(Member, 'One page of members') },
    },
    [...UNSEEN, 'validation_failed'],
  ),
  async (c) => {
    const found = await members.listMembers(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toMember), 200, { ...nextPage(c, found), ...placeHeaders(found.view) })
  },
)

memberRoutes.openapi(
  authed(
    {
      operationId: 'addMember',
      tags,
      method: 'post',
      path: '/channels/{id}/members',
      summary: 'Take somebody in, or a chatbot of yours, as an owner or a moderator',
      request: { params: ChannelParam, body: body(NewMember) },
      responses: { 200: json(Member, 'They were in it'), 201: json(Member, 'The new member') },
    },
    [...REFUSED, 'direct_channel', 'user_banned', 'limit_reached', 'conflict'],
  ),
  async (c) => {
    const { member, isNew } = await members.addMember(c.var.ctx, c.req.valid('param').id, c.req.valid('json'))
    return c.json(toMember(member), isNew ? 201 : 200)
  },
)

memberRoutes.openapi(
  authed(
    {
      operationId: 'updateMember',
      tags,
      method: 'patch',
      path: '/channels/{id}/members/{user_id}',
      summary: 'Change a role, hand the channel over, or mute somebody',
      request: { params: UserParam, body: body(MemberChanges) },
      responses: { 200: json(Member, 'The member') },
    },
    [...REFUSED, 'direct_channel', 'last_owner'],
  ),
  async (c) => {
    const { id, user_id } = c.req.valid('param')
    const { role, muted_until } = c.req.valid('json')
    const mutedUntil = muted_until == null ? muted_until : Date.parse(muted_until)
    return c.json(toMember(await members.updateMember(c.var.ctx, id, user_id, { role, mutedUntil })), 200)
  },
)

memberRoutes.openapi(
  authed(
    {
      operationId: 'removeMember',
      tags,
      method: 'delete',
      path: '/channels/{id}/members/{user_id}',
      summary: 'Take a member out; they may come back',
      request: { params: UserParam },
      responses: { 204: noContent('They are not in it') },
    },
    [...REFUSED, 'direct_channel'],
  ),
  async (c) => {
    const { id, user_id } = c.req.valid('param')
    await members.removeMember(c.var.ctx, id, user_id)
    return c.body(null, 204)
  },
)
