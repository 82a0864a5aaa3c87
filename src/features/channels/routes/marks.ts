import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { json, noContent, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { text } from '../../../lib/wire-fields.ts'
import { ChannelParam, channelPage, MessageParams, placeHeaders, REFUSED, UNSEEN } from '../responses.ts'
import { Person } from '../schemas/channel.ts'
import { ChannelMessage, emoji, Reactions } from '../schemas/message.ts'
import { listPins, pin } from '../service/pins.ts'
import { listReactors, react } from '../service/reactions.ts'
import { toPerson } from '../wire/channel.ts'
import { toChannelMessage, toReactions } from '../wire/message.ts'

const tags = ['channels']

/** Reactions and pins. */
export const markRoutes = createRouter()

const EmojiParams = MessageParams.extend({
  emoji: text(64).openapi({ param: { name: 'emoji', in: 'path' }, example: '👍' }),
})

for (const [method, type, summary] of [
  ['put', 'reaction.add', 'React to a message'],
  ['delete', 'reaction.remove', 'Take a reaction back'],
] as const) {
  markRoutes.openapi(
    authed(
      {
        operationId: method === 'put' ? 'addReaction' : 'removeReaction',
        tags,
        method,
        path: '/channels/{id}/messages/{message_id}/reactions/{emoji}',
        summary,
        request: { params: EmojiParams },
        responses: { 200: json(Reactions, 'The reactions to the message') },
      },
      [...REFUSED, 'muted', 'gone', 'limit_reached', 'validation_failed'],
    ),
    async (c) => {
      const { id, message_id, emoji: name } = c.req.valid('param')
      const { message, reacted } = await react(c.var.ctx, id, message_id, name, type)
      const viewer = { id: c.var.ctx.user.id, reacted }
      return c.json({ message_id: message.id, reactions: toReactions(message.reaction_counts, viewer) }, 200)
    },
  )
}

markRoutes.openapi(
  authed(
    {
      operationId: 'listReactors',
      tags,
      method: 'get',
      path: '/channels/{id}/messages/{message_id}/reactions',
      summary: 'Who reacted with an emoji',
      request: { params: MessageParams, query: PageQuery.extend({ emoji }) },
      responses: { 200: page(Person, 'One page of people') },
    },
    [...UNSEEN, 'validation_failed'],
  ),
  async (c) => {
    const { id, message_id } = c.req.valid('param')
    const found = await listReactors(c.var.ctx, id, message_id, c.req.valid('query'))
    return c.json(
      found.items.map(({ person }) => toPerson(person)),
      200,
      nextPage(c, found),
    )
  },
)

for (const [method, type, summary] of [
  ['put', 'pin.add', 'Pin a message, as an owner or a moderator'],
  ['delete', 'pin.remove', 'Take a pin away'],
] as const) {
  markRoutes.openapi(
    authed(
      {
        operationId: method === 'put' ? 'pinMessage' : 'unpinMessage',
        tags,
        method,
        path: '/channels/{id}/pins/{message_id}',
        summary,
        request: { params: MessageParams },
        responses: { 204: noContent('It is so, also if it was') },
      },
      [...REFUSED, 'gone', 'limit_reached'],
    ),
    async (c) => {
      const { id, message_id } = c.req.valid('param')
      await pin(c.var.ctx, id, message_id, type)
      return c.body(null, 204)
    },
  )
}

markRoutes.openapi(
  authed(
    {
      operationId: 'listPins',
      tags,
      method: 'get',
      path: '/channels/{id}/pins',
      summary: 'The pinned messages, the newest pin first',
      request: { params: ChannelParam },
      responses: { 200: channelPage(ChannelMessage, 'At most fifty') },
    },
    UNSEEN,
  ),
  async (c) => {
    const { id } = c.req.valid('param')
    const { view, items } = await listPins(c.var.ctx, id)
    const user = c.var.ctx.user
    const shown = items.map(({ message, reacted }) => toChannelMessage(id, message, { id: user.id, reacted }))
    return c.json(shown, 200, placeHeaders(view))
  },
)
