import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, IdParam, json, noContent, page } from '../../../http/openapi.ts'
import { nextPage } from '../../../http/pages.ts'
import { toMessage } from '../../messages/wire.ts'
import {
  Conversation,
  ConversationChanges,
  ConversationQuery,
  ConversationWithMessages,
  NewConversation,
} from '../schemas/conversation.ts'
import { deleteConversation } from '../service/delete.ts'
import { getConversation, listConversations } from '../service/read.ts'
import { nameConversation } from '../service/title.ts'
import { createConversation, updateConversation } from '../service/write.ts'
import { toConversation, toFilter } from '../wire.ts'

const tags = ['conversations']

export const conversationRoutes = createRouter()

conversationRoutes.openapi(
  authed(
    {
      operationId: 'listConversations',
      tags,
      method: 'get',
      path: '/conversations',
      summary: 'List my conversations, last used first',
      request: { query: ConversationQuery },
      responses: { 200: page(Conversation, 'One page of my conversations') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const found = await listConversations(c.var.ctx, toFilter(c.req.valid('query')))
    return c.json(found.items.map(toConversation), 200, nextPage(c, found))
  },
)

conversationRoutes.openapi(
  authed(
    {
      operationId: 'createConversation',
      tags,
      method: 'post',
      path: '/conversations',
      summary: 'Start a conversation',
      request: { headers: IdempotencyHeader, body: body(NewConversation) },
      responses: { 201: json(Conversation, 'The new conversation', 'Location', 'Idempotency-Replayed') },
    },
    ['idempotency_key_invalid', 'idempotency_key_reused', 'not_found'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    const { conversation, replayed } = await createConversation(c.var.ctx, given, await idempotencyOf(c, given))
    const location = `/api/v1/conversations/${conversation.id}`
    return c.json(toConversation(conversation), 201, { location, ...replayedHeader(replayed) })
  },
)

conversationRoutes.openapi(
  authed(
    {
      operationId: 'getConversation',
      tags,
      method: 'get',
      path: '/conversations/{id}',
      summary: 'One conversation, with its newest messages',
      request: { params: IdParam },
      responses: { 200: json(ConversationWithMessages, 'The conversation') },
    },
    ['not_found'],
  ),
  async (c) => {
    const { conversation, messages } = await getConversation(c.var.ctx, c.req.valid('param').id)
    return c.json({ ...toConversation(conversation), messages: messages.map(toMessage) }, 200)
  },
)

conversationRoutes.openapi(
  authed(
    {
      operationId: 'updateConversation',
      tags,
      method: 'patch',
      path: '/conversations/{id}',
      summary: 'Rename a conversation, put it in order, or switch to another of its branches',
      request: { params: IdParam, body: body(ConversationChanges) },
      responses: { 200: json(Conversation, 'The conversation') },
    },
    ['not_found', 'conflict'],
  ),
  async (c) => {
    const { id } = c.req.valid('param')
    return c.json(toConversation(await updateConversation(c.var.ctx, id, c.req.valid('json'))), 200)
  },
)

conversationRoutes.openapi(
  authed(
    {
      operationId: 'deleteConversation',
      tags,
      method: 'delete',
      path: '/conversations/{id}',
      summary: 'Delete a conversation with all its messages',
      request: { params: IdParam },
      responses: { 204: noContent('It is gone') },
    },
    ['not_found', 'run_active', 'runner_unavailable', 'overloaded'],
  ),
  async (c) => {
    await deleteConversation(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)

conversationRoutes.openapi(
  authed(
    {
      operationId: 'nameConversation',
      tags,
      method: 'post',
      path: '/conversations/{id}/title',
      summary: 'Give a conversation a title by what was said in it, in place of the one that it has',
      limit: 'chat',
      request: { params: IdParam },
      responses: { 200: json(Conversation, 'The conversation') },
    },
    ['not_found', 'conflict', 'runner_unavailable'],
  ),
  async (c) => c.json(toConversation(await nameConversation(c.var.ctx, c.req.valid('param').id)), 200),
)
