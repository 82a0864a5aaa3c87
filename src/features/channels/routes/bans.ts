import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { json, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { text } from '../../../lib/wire-fields.ts'
import { ChannelParam, REFUSED } from '../responses.ts'
import { BannedUser, ChannelWithExceptions } from '../schemas/channel.ts'
import { BanReason } from '../schemas/member.ts'
import * as bans from '../service/bans.ts'
import { toBannedUser, toChannelWithExceptions } from '../wire/channel.ts'

const tags = ['channels']

const NameParams = ChannelParam.extend({
  username: text(32).openapi({ param: { name: 'username', in: 'path' }, example: 'janedoe' }),
})

export const banRoutes = createRouter()

banRoutes.openapi(
  authed(
    {
      operationId: 'banUser',
      tags,
      method: 'post',
      path: '/channels/{id}/ban-by-username/{username}',
      summary: 'Ban somebody, member or not: from this answer on nothing of the channel reaches them',
      request: {
        params: NameParams,
        body: { required: false, content: { 'application/json': { schema: BanReason } } },
      },
      responses: { 200: json(ChannelWithExceptions, 'The channel and who is banned, also if they were') },
    },
    [...REFUSED, 'self_ban', 'direct_channel', 'conflict'],
  ),
  async (c) => {
    const { id, username } = c.req.valid('param')
    const { reason = null } = (c.req.valid('json') ?? {}) as { reason?: string | null }
    return c.json(toChannelWithExceptions(await bans.banUser(c.var.ctx, id, username, reason)), 200)
  },
)

banRoutes.openapi(
  authed(
    {
      operationId: 'unbanUser',
      tags,
      method: 'post',
      path: '/channels/{id}/unban-by-username/{username}',
      summary: 'Lift a ban; they may join again',
      request: { params: NameParams },
      responses: { 200: json(ChannelWithExceptions, 'The channel and who is banned, also if they were not') },
    },
    [...REFUSED, 'direct_channel'],
  ),
  async (c) => {
    const { id, username } = c.req.valid('param')
    return c.json(toChannelWithExceptions(await bans.unbanUser(c.var.ctx, id, username)), 200)
  },
)

banRoutes.openapi(
  authed(
    {
      operationId: 'listBannedUsers',
      tags,
      method: 'get',
      path: '/channels/{id}/banned-users',
      summary: 'Who is banned, the oldest ban first',
      request: { params: ChannelParam, query: PageQuery },
      responses: { 200: page(BannedUser, 'One page of banned users') },
    },
    [...REFUSED, 'direct_channel', 'validation_failed'],
  ),
  async (c) => {
    const found = await bans.listBanned(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toBannedUser), 200, nextPage(c, found))
  },
)
