import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { OpenEnv } from '../../http/context.ts'
import { createRouter } from '../../http/create-app.ts'
import { AppError } from '../../http/errors.ts'
import { authed, bearerToken, open } from '../../http/guards.ts'
import { json } from '../../http/openapi.ts'
import { text } from '../../lib/wire-fields.ts'
import { issueTicket } from '../auth/service/tickets.ts'
import { SocketTicket } from './schemas/tickets.ts'
import { connect, ticketAmong } from './service/connect.ts'

const tags = ['sockets']

export const socketRoutes = createRouter()

socketRoutes.openapi(
  authed(
    {
      operationId: 'createSocketTicket',
      tags,
      method: 'post',
      path: '/ws/tickets',
      summary: 'A ticket for one socket, where a browser cannot send a header',
      responses: { 201: json(SocketTicket, 'The ticket, and where it is for') },
    },
    [],
  ),
  async (c) => {
    const { ticket, expiresIn } = await issueTicket(c.var.ctx)
    const url = new URL('/api/v1/ws', c.req.url)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    return c.json({ ticket, expires_in: expiresIn, url: url.href }, 201)
  },
)

const opened = { 101: { description: 'The socket is open; docs/realtime.md says what is said there' } }

socketRoutes.openapi(
  open(
    {
      operationId: 'openSocket',
      tags,
      method: 'get',
      path: '/ws',
      summary: 'Open a socket of chat.v1, with a ticket or an Authorization header',
      description: 'Who sends neither is refused, and a user has so many at once.',
      request: { query: z.object({ ticket: text(1_024).optional() }) },
      responses: opened,
    },
    ['unauthorized', 'upgrade_required', 'validation_failed', 'overloaded'],
  ),
  async (c) => (await openSocket(c, c.req.valid('query'), undefined)) as never,
)

socketRoutes.openapi(
  open(
    {
      operationId: 'openSocketAs',
      tags,
      method: 'get',
      path: '/ws/{username}',
      summary: 'Open a socket as contract 3 does, with the access token in the query',
      description: 'It must be of the user that is named. Tickets are safer: what stands in a URL is often kept.',
      request: {
        params: z.object({
          username: text(32).openapi({ param: { name: 'username', in: 'path' }, example: 'johndoe' }),
        }),
        query: z.object({ token: text(4_096).optional() }),
      },
      responses: opened,
    },
    ['unauthorized', 'upgrade_required', 'not_found', 'validation_failed', 'overloaded'],
  ),
  async (c) => (await openSocket(c, c.req.valid('query'), c.req.valid('param').username)) as never,
)

/** Reads what a client wants. The credential may stand in four places, as browsers can send no headers. */
function openSocket(c: Context<OpenEnv>, query: { ticket?: string; token?: string }, username: string | undefined) {
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
    throw new AppError('upgrade_required', 'Connect with a WebSocket', { upgrade: true })
  }
  const offered = (c.req.header('sec-websocket-protocol') ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)
  const ticket = query.ticket ?? ticketAmong(offered)
  const token = query.token ?? bearerToken(c)
  return connect(c.var.ctx, {
    origin: c.req.header('origin'),
    ownOrigin: new URL(c.req.url).origin,
    offered,
    credential: ticket !== undefined ? { ticket } : token !== undefined ? { token } : undefined,
    username,
  })
}
