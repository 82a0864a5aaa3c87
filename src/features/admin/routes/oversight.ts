import { createRouter } from '../../../http/create-app.ts'
import { admin } from '../../../http/guards.ts'
import { IdParam, json, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { Conversation } from '../../conversations/schemas/conversation.ts'
import { toConversation } from '../../conversations/wire.ts'
import { Message } from '../../messages/schemas.ts'
import { toMessage } from '../../messages/wire.ts'
import { AuditEntry, AuditQuery } from '../schemas/audit.ts'
import { Metrics, MetricsQuery } from '../schemas/metrics.ts'
import { listAudit } from '../service/audit.ts'
import { readMetrics } from '../service/metrics.ts'
import { listConversationsOf, listMessagesOf } from '../service/reading.ts'
import { toAuditEntry, toMetrics } from '../wire.ts'

const tags = ['admin']

export const oversightRoutes = createRouter()

oversightRoutes.openapi(
  admin(
    {
      operationId: 'adminListConversations',
      tags,
      method: 'get',
      path: '/admin/users/{id}/chats',
      summary: 'Somebody’s conversations, last used first; the audit log names who looked',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: page(Conversation, 'One page of conversations') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const found = await listConversationsOf(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toConversation), 200, nextPage(c, found))
  },
)

oversightRoutes.openapi(
  admin(
    {
      operationId: 'adminListMessages',
      tags,
      method: 'get',
      path: '/admin/chats/{id}/messages',
      summary: 'What was said in anybody’s conversation; the audit log names who read it',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: page(Message, 'One page of messages: the newest first, in the order in which they were said') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const found = await listMessagesOf(c.var.ctx, c.req.valid('param').id, c.req.valid('query'))
    return c.json(found.items.map(toMessage), 200, nextPage(c, found))
  },
)

oversightRoutes.openapi(
  admin(
    {
      operationId: 'getMetrics',
      tags,
      method: 'get',
      path: '/admin/metrics',
      summary: 'How much there is, and how much each day brought',
      request: { query: MetricsQuery },
      responses: { 200: json(Metrics, 'The figures') },
    },
    ['validation_failed'],
  ),
  async (c) => c.json(toMetrics(await readMetrics(c.var.ctx, c.req.valid('query').days)), 200),
)

oversightRoutes.openapi(
  admin(
    {
      operationId: 'listAudit',
      tags,
      method: 'get',
      path: '/admin/audit',
      summary: 'Who did what to whom, newest first',
      request: { query: AuditQuery },
      responses: { 200: page(AuditEntry, 'One page of the audit log') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const found = await listAudit(c.var.ctx, c.req.valid('query'))
    return c.json(found.items.map(toAuditEntry), 200, nextPage(c, found))
  },
)
