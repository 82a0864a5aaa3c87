import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

const [CONTINUES, TEXT, CLOSE, PING, PONG] = [0, 1, 8, 9, 10]
const FIN = 0x80
const MASKED = 0x80
const HEAD_END = '\r\n\r\n'
const ABNORMAL = 1006

/** Every socket reads into it: what a callback is given is gone after its return. */
const shared = Buffer.allocUnsafe(256 * 1024)

export type LeanSocket = {
  send(text: string): void
  /** Reads no more from TCP, so that the server feels it. */
  pause(): void
  resume(): void
  close(): void
  destroy(): void
}

type Events = {
  onOpen(): void
  /** A text message: the bytes from `start` to `end`, until it returns. */
  onMessage(bytes: Buffer, start: number, end: number): void
  /** The server's close code; 1006 when it said none. */
  onClose(code: number): void
}

/**
 * A WebSocket client (RFC 6455) for thousands of receivers on one core. `ws` takes more time for each frame than the servers
 * under test do; this one allocates nothing for it. No extensions, no fragments, text alone.
 */
export function openLeanSocket(
  url: string,
  { protocols = [], headers = {} }: { protocols?: string[]; headers?: Record<string, string> },
  { onOpen, onMessage, onClose }: Events,
): LeanSocket {
  const { hostname, port, host, pathname, search } = new URL(url)
  let isOpen = false
  let code = ABNORMAL
  let rest: Buffer | undefined

  const socket = connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    onread: {
      buffer: shared,
      callback(length, buffer) {
        take(buffer as Buffer, length)
        return true
      },
    },
  })
  socket.on('connect', () => socket.write(handshake()))
  socket.on('error', () => {})
  socket.on('close', () => onClose(code))

  const handshake = () =>
    [
      `GET ${pathname}${search} HTTP/1.1`,
      `Host: ${host}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
      ...(protocols.length > 0 ? [`Sec-WebSocket-Protocol: ${protocols.join(', ')}`] : []),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ].join('\r\n') + HEAD_END

  function take(buffer: Buffer, length: number): void {
    let bytes = buffer
    let end = length
    if (rest) {
      bytes = Buffer.concat([rest, buffer.subarray(0, length)])
      end = bytes.length
      rest = undefined
    }
    const start = isOpen ? 0 : takeHead(bytes, end)
    const taken = isOpen ? takeFrames(bytes, start, end) : start
    if (taken < end) rest = Buffer.from(bytes.subarray(taken, end))
  }

  /** Where the answer to the handshake ends; 0 while it is not complete. */
  function takeHead(bytes: Buffer, end: number): number {
    const head = bytes.subarray(0, end)
    const headEnd = head.indexOf(HEAD_END)
    if (headEnd < 0) return 0
    if (!head.toString('latin1').startsWith('HTTP/1.1 101')) {
      socket.destroy()
      return end
    }
    isOpen = true
    onOpen()
    return headEnd + HEAD_END.length
  }

  /** Takes whole frames from `at` on; gives where the first one begins that is not complete. */
  function takeFrames(bytes: Buffer, at: number, end: number): number {
    while (end - at >= 2) {
      let length = bytes[at + 1]!
      let start = at + 2
      if (length === 126) {
        if (end - at < 4) return at
        length = bytes.readUInt16BE(start)
        start += 2
      } else if (length === 127) {
        if (end - at < 10) return at
        length = Number(bytes.readBigUInt64BE(start))
        start += 8
      }
      if (end - start < length) return at
      takeFrame(bytes[at]!, bytes, start, start + length)
      at = start + length
    }
    return at
  }

  function takeFrame(head: number, bytes: Buffer, start: number, end: number): void {
    if (head === (FIN | TEXT!)) onMessage(bytes, start, end)
    else if (head === (FIN | PING!)) write(PONG!, bytes.subarray(start, end))
    else if (head === (FIN | CLOSE!)) {
      if (end - start >= 2) code = bytes.readUInt16BE(start)
      write(CLOSE!, bytes.subarray(start, Math.min(end, start + 2)))
      socket.end()
    } else if ((head & 15) === CONTINUES || (head & FIN) === 0) throw new Error('The server sends fragments')
  }

  /** Masked with zeros, which changes nothing and is what a server has to undo all the same. */
  function write(opcode: number, payload: Buffer): void {
    const extended = payload.length > 125
    const frame = Buffer.alloc((extended ? 8 : 6) + payload.length)
    frame[0] = FIN | opcode
    frame[1] = MASKED | (extended ? 126 : payload.length)
    if (extended) frame.writeUInt16BE(payload.length, 2)
    payload.copy(frame, extended ? 8 : 6)
    socket.write(frame)
  }

  return {
    send: (text) => write(TEXT!, Buffer.from(text)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => write(CLOSE!, Buffer.from([1000 >> 8, 1000 & 255])),
    destroy: () => socket.destroy(),
  }
}
