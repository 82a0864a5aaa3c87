import { z } from '@hono/zod-openapi'
import { integer, made, url } from '../../../lib/wire-fields.ts'

export const SocketTicket = z
  .strictObject({
    ticket: made('A-Za-z0-9._-', 1_024).openapi({ example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6InRpY2tldCtqd3QifQ.e30.c2ln' }),
    expires_in: integer(1).openapi({ example: 30, description: 'Seconds; it opens one socket' }),
    url: url(200).openapi({ example: 'wss://chat.example.com/api/v1/ws' }),
  })
  .openapi('SocketTicket')
