import ReconnectingWebSocket from 'partysocket/ws'
import { WebSocket } from 'ws'
import { decodeFrames, type Frame } from './follow-channel.ts'

const HANDSHAKE_MS = 5_000

/** A connection that comes back by itself, after it was away for a while. */
export type Transport = {
  /** Nothing is sent, nor kept for later, while it is away. */
  send(text: string): void
  /** Gives up a connection that may be dead without saying so. */
  drop(): void
  close(): void
}

export type Way = {
  /** Where sockets go; may be torn down at any time. */
  url: string
  /** Where tickets are got. */
  ticketUrl: string
  token: string
  awayMs(): number
  onFrame(frame: Frame): void
  /** The connection has ended: 1006 when it was cut. */
  onClose(code: number): void
}

/** The `ws` package, and a timer. */
export function overWs({ url, token, awayMs, onFrame, onClose }: Way): Transport {
  let socket = open()
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  function open(): WebSocket {
    const headers = { authorization: `Bearer ${token}` }
    const options = { headers, perMessageDeflate: false, handshakeTimeout: HANDSHAKE_MS }
    const opened = new WebSocket(`${url}/api/v1/ws`, ['chat.v1'], options)
    opened.on('message', (data) => decodeFrames(data as Buffer).forEach(onFrame))
    opened.on('error', () => {})
    opened.on('close', (code) => {
      onClose(code)
      if (isClosed) return
      timer = setTimeout(() => {
        socket = open()
      }, awayMs())
    })
    return opened
  }

  return {
    send: (text) => socket.readyState === WebSocket.OPEN && socket.send(text),
    drop: () => socket.terminate(),
    close() {
      isClosed = true
      clearTimeout(timer)
      socket.close(1000)
    },
  }
}

/** PartySocket as its users have it: it connects again when and how it likes, each time with a new ticket, as browsers do. */
export function overPartySocket({ url, ticketUrl, token, awayMs, onFrame, onClose }: Way): Transport {
  const protocols = async () => {
    const answer = await fetch(`${ticketUrl}/api/v1/ws/tickets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
    if (!answer.ok) throw new Error(`No ticket: ${answer.status}`)
    const { ticket } = (await answer.json()) as { ticket: string }
    return ['chat.v1', `ticket.${ticket}`]
  }
  const socket = new ReconnectingWebSocket(`${url}/api/v1/ws`, protocols, {
    WebSocket,
    minReconnectionDelay: awayMs(),
    maxReconnectionDelay: 3_000,
    minUptime: 1_000,
    connectionTimeout: HANDSHAKE_MS,
  })
  socket.addEventListener('message', ({ data }) => decodeFrames(Buffer.from(data)).forEach(onFrame))
  socket.addEventListener('close', ({ code }) => onClose(code))
  return {
    send: (text) => socket.readyState === socket.OPEN && socket.send(text),
    drop: () => socket.reconnect(),
    close: () => socket.close(1000),
  }
}
