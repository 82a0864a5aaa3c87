import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, IdParam, json, noContent, page } from '../../../http/openapi.ts'
import { ownHosts } from '../../../http/own-hosts.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { Chatbot, ChatbotChanges, ChatbotQuery, ChatbotVersion, NewChatbot } from '../schemas/chatbot.ts'
import { createChatbot } from '../service/create.ts'
import { deleteChatbot } from '../service/delete.ts'
import * as chatbots from '../service/read.ts'
import { updateChatbot } from '../service/update.ts'
import { toChatbot, toChatbotVersion, withoutSecrets } from '../wire.ts'

const tags = ['chatbots']

export const chatbotRoutes = createRouter()

chatbotRoutes.openapi(
  authed(
    {
      operationId: 'listChatbots',
      tags,
      method: 'get',
      path: '/chatbots',
      summary: 'List my chatbots, newest first, or as an admin all of them',
      request: { query: ChatbotQuery },
      responses: { 200: page(Chatbot, 'One page of chatbots') },
    },
    ['forbidden', 'validation_failed'],
  ),
  async (c) => {
    const { scope, ...query } = c.req.valid('query')
    const list = scope === 'all' ? chatbots.listAllChatbots : chatbots.listChatbots
    const found = await list(c.var.ctx, query)
    return c.json(found.items.map(toChatbot), 200, nextPage(c, found))
  },
)

chatbotRoutes.openapi(
  authed(
    {
      operationId: 'createChatbot',
      tags,
      method: 'post',
      path: '/chatbots',
      summary: 'Make a chatbot, on a model that is served here or on a server of your own',
      request: { headers: IdempotencyHeader, body: body(NewChatbot) },
      responses: { 201: json(Chatbot, 'The new chatbot', 'Location', 'Idempotency-Replayed') },
    },
    ['idempotency_key_invalid', 'idempotency_key_reused', 'not_found', 'file_not_found', 'conflict', 'limit_reached'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    const idempotency = await idempotencyOf(c, withoutSecrets(given))
    const { chatbot, replayed } = await createChatbot(c.var.ctx, given, { ownHosts: ownHosts(c), idempotency })
    return c.json(toChatbot(chatbot), 201, {
      location: `/api/v1/chatbots/${chatbot.id}`,
      ...replayedHeader(replayed),
    })
  },
)

chatbotRoutes.openapi(
  authed(
    {
      operationId: 'getChatbot',
      tags,
      method: 'get',
      path: '/chatbots/{id}',
      summary: 'One’s own chatbot, or anybody’s for an admin; the audit log names who looked',
      request: { params: IdParam },
      responses: { 200: json(Chatbot, 'The chatbot') },
    },
    ['not_found'],
  ),
  async (c) => c.json(toChatbot(await chatbots.getChatbot(c.var.ctx, c.req.valid('param').id)), 200),
)

chatbotRoutes.openapi(
  authed(
    {
      operationId: 'updateChatbot',
      tags,
      method: 'patch',
      path: '/chatbots/{id}',
      summary: 'Change a chatbot: other settings make a new version',
      request: { params: IdParam, body: body(ChatbotChanges) },
      responses: { 200: json(Chatbot, 'The chatbot') },
    },
    ['not_found', 'file_not_found', 'conflict'],
  ),
  async (c) => {
    const { id } = c.req.valid('param')
    return c.json(toChatbot(await updateChatbot(c.var.ctx, id, c.req.valid('json'), ownHosts(c))), 200)
  },
)

chatbotRoutes.openapi(
  authed(
    {
      operationId: 'deleteChatbot',
      tags,
      method: 'delete',
      path: '/chatbots/{id}',
      summary: 'Delete a chatbot; its API keys open nothing any more',
      request: { params: IdParam },
      responses: { 204: noContent('It is gone') },
    },
    ['not_found'],
  ),
  async (c) => {
    await deleteChatbot(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)

chatbotRoutes.openapi(
  authed(
    {
      operationId: 'listChatbotVersions',
      tags,
      method: 'get',
      path: '/chatbots/{id}/versions',
      summary: 'List the settings that a chatbot had, newest first',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: page(ChatbotVersion, 'One page of versions') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const found = await chatbots.listVersions(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toChatbotVersion), 200, nextPage(c, found))
  },
)

chatbotRoutes.openapi(
  authed(
    {
      operationId: 'listChatbotsOfUser',
      tags,
      method: 'get',
      path: '/users/{id}/chatbots',
      summary: 'List one’s own chatbots, or anybody’s for an admin; the audit log names who looked',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: page(Chatbot, 'One page of chatbots') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const found = await chatbots.listChatbotsOf(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toChatbot), 200, nextPage(c, found))
  },
)
