import { z } from '@hono/zod-openapi'
import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, IdParam, json, noContent, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { uuid } from '../../../lib/wire-fields.ts'
import { Message, MessageChanges } from '../schemas.ts'
import { deleteMessage } from '../service/delete.ts'
import * as messages from '../service/read.ts'
import { editMessage, rateMessage } from '../service/write.ts'
import { toMessage } from '../wire.ts'

const tags = ['messages']

const BranchQuery = PageQuery.extend({
  leaf: uuid().optional().openapi({ description: 'The message that the branch ends at; without it the active branch' }),
  siblings: z.literal('true').optional().openapi({ description: 'Counts the siblings of each message' }),
})

export const messageRoutes = createRouter()

messageRoutes.openapi(
  authed(
    {
      operationId: 'listMessages',
      tags,
      method: 'get',
      path: '/conversations/{id}/messages',
      summary: 'The newest messages of a branch, in the order in which they were said; the next page is older',
      request: { params: IdParam, query: BranchQuery },
      responses: { 200: page(Message, 'One page of messages') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const { siblings, ...asked } = c.req.valid('query')
    const request = { ...asked, siblings: siblings !== undefined }
    const found = await messages.listMessages(c.var.ctx, c.req.valid('param').id, request)
    return c.json(found.items.map(toMessage), 200, nextPage(c, found))
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
      operationId: 'listSiblings',
      tags,
      method: 'get',
      path: '/messages/{id}/siblings',
      summary: 'The messages that stand where this one does, itself among them, oldest first',
      description: 'The wordings of a question, or the answers to one: each begins a branch.',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: page(Message, 'One page of siblings') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const found = await messages.listSiblings(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toMessage), 200, nextPage(c, found))
  },
)

messageRoutes.openapi(
  authed(
    {
      operationId: 'updateMessage',
      tags,
      method: 'patch',
      path: '/messages/{id}',
      summary: 'Reword a message of mine, or rate a reply',
      description:
        'New `content` is stored beside the old and becomes the active branch; the answer is that new message. ' +
        '`POST /messages/{id}/regenerate` on it makes its reply.',
      request: { params: IdParam, headers: IdempotencyHeader, body: body(MessageChanges) },
      responses: {
        200: json(Message, 'The message, with its own id when it is new', 'Location', 'Idempotency-Replayed'),
      },
    },
    ['not_found', 'run_active', 'idempotency_key_invalid', 'idempotency_key_reused'],
  ),
  async (c) => {
    const { id } = c.req.valid('param')
    const changes = c.req.valid('json')
    const location = (of: string) => ({ location: `/api/v1/messages/${of}` })
    if (changes.content === undefined) {
      return c.json(toMessage(await rateMessage(c.var.ctx, id, changes.feedback ?? null)), 200, location(id))
    }
    const { message, replayed } = await editMessage(c.var.ctx, id, changes.content, await idempotencyOf(c, changes))
    return c.json(toMessage(message), 200, { ...location(message.id), ...replayedHeader(replayed) })
  },
)

messageRoutes.openapi(
  authed(
    {
      operationId: 'deleteMessage',
      tags,
      method: 'delete',
      path: '/messages/{id}',
      summary: 'Delete a message with all that was said after it',
      request: { params: IdParam },
      responses: { 204: noContent('They are gone') },
    },
    ['not_found', 'run_active'],
  ),
  async (c) => {
    await deleteMessage(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)
