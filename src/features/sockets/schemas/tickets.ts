import { z } from '@hono/zod-openapi'

export const SocketTicket = z
  .strictObject({
    ticket: z.string().max(1_024).openapi({ example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6InRpY2tldCtqd3QifQ…' }),
    expires_in: z.int().min(1).openapi({ example: 30, description: 'Seconds; it opens one socket' }),
    url: z.string().max(200).openapi({ example: 'wss://chat.example.com/api/v1/ws' }),
  })
  .openapi('SocketTicket')
