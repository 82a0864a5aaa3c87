import { CLOSE, type CloseCode, REASONS } from '../../lib/close-codes.ts'
import { errorFrame } from './frames.ts'
import type { SocketError } from './schemas/server-frames.ts'

const CODES = {
  [CLOSE.badCredential]: 'unauthorized',
  [CLOSE.otherUser]: 'forbidden',
  [CLOSE.origin]: 'forbidden',
  [CLOSE.version]: 'bad_request',
  [CLOSE.abuse]: 'rate_limit_exceeded',
} as const satisfies Partial<Record<CloseCode, SocketError>>

/** Opens a socket only to say why not: a browser cannot read the status of a failed upgrade. */
export function refuseSocket(code: keyof typeof CODES, protocol: string | undefined, isSeed = false): Response {
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  server.send(errorFrame({ code: CODES[code], message: REASONS[code] }, undefined, isSeed))
  server.close(code, REASONS[code])
  return upgraded(client, protocol)
}

/** The answer of RFC 6455 that names one of the protocols offered, or none. */
export const upgraded = (client: WebSocket, protocol: string | undefined): Response =>
  new Response(null, {
    status: 101,
    webSocket: client,
    // Nothing is compressed: it would take twice the memory.
    headers: { 'sec-websocket-extensions': '', ...(protocol !== undefined && { 'sec-websocket-protocol': protocol }) },
  })
