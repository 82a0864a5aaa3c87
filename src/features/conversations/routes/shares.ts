import { createRouter } from '../../../http/create-app.ts'
import { authed, open } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, IdParam, json, noContent, page } from '../../../http/openapi.ts'
import { nextPage, PageQuery } from '../../../http/pages.ts'
import { NewShare, Share, SharedConversation, TokenParam } from '../schemas/share.ts'
import * as shares from '../service/shares.ts'
import { toShare, toSharedConversation } from '../wire.ts'

const tags = ['shares']

export const shareRoutes = createRouter()

shareRoutes.openapi(
  authed(
    {
      operationId: 'createShare',
      tags,
      method: 'post',
      path: '/conversations/{id}/shares',
      summary: 'Share a conversation as it is now, by a link that everybody can read',
      request: {
        params: IdParam,
        headers: IdempotencyHeader,
        body: { ...body(NewShare), required: false as const },
      },
      responses: { 201: json(Share, 'The link', 'Idempotency-Replayed') },
    },
    ['not_found', 'conflict', 'idempotency_key_invalid', 'idempotency_key_reused'],
  ),
  async (c) => {
    const given = NewShare.parse(c.req.valid('json') ?? {})
    const idempotency = await idempotencyOf(c, given)
    const { share, replayed } = await shares.createShare(c.var.ctx, c.req.valid('param').id, given, idempotency)
    return c.json(toShare(share, c.var.config.APP_URL), 201, replayedHeader(replayed))
  },
)

shareRoutes.openapi(
  authed(
    {
      operationId: 'listShares',
      tags,
      method: 'get',
      path: '/shares',
      summary: 'List my links, newest first',
      request: { query: PageQuery },
      responses: { 200: page(Share, 'One page of my links') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const found = await shares.listShares(c.var.ctx, c.req.valid('query'))
    return c.json(
      found.items.map((share) => toShare(share, c.var.config.APP_URL)),
      200,
      nextPage(c, found),
    )
  },
)

shareRoutes.openapi(
  authed(
    {
      operationId: 'deleteShare',
      tags,
      method: 'delete',
      path: '/shares/{id}',
      summary: 'Revoke a link',
      request: { params: IdParam },
      responses: { 204: noContent('It leads nowhere any more') },
    },
    ['not_found'],
  ),
  async (c) => {
    await shares.deleteShare(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)

shareRoutes.openapi(
  open(
    {
      operationId: 'getShared',
      tags,
      method: 'get',
      path: '/shared/{token}',
      summary: 'What a link shows, in the order in which it was said',
      limit: 'public',
      request: { params: TokenParam, query: PageQuery },
      responses: { 200: json(SharedConversation, 'One page of it', 'Link', 'X-Next-Cursor') },
    },
    ['not_found', 'validation_failed'],
  ),
  async (c) => {
    const found = await shares.readShared(c.var.ctx, c.req.valid('param').token, c.req.valid('query'))
    const headers = { 'x-robots-tag': 'noindex', 'cache-control': 'private, no-store', ...nextPage(c, found.page) }
    return c.json(toSharedConversation(found.share, found.page.items), 200, headers)
  },
)
