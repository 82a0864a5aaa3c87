import { decodeFrames, type FollowerCounts, type Frame, followChannel } from './follow-channel.ts'
import { type LeanSocket, openLeanSocket } from './lean-socket.ts'

const DIGITS = 8
/** `42["message","` goes before the text in a frame of Socket.IO. */
const SOCKET_IO_HEAD = 14

export type PeerName = 'ws' | 'socket.io' | 'socket.io-recovery' | 'parley'

/** Where a receiver connects. Token, channel and what nonces begin with are Parley's. */
export type Place = { peer: PeerName; url: string; channel?: string; token?: string; ticket?: string; nonces?: string }

export type Events = {
  /** It has joined: from now on it gets everything. */
  onReady(): void
  onMessage(number: number): void
  onFault(what: string): void
  onClose(code: number): void
}

/** One receiver, which speaks its server's own words. */
export type Line = {
  socket: LeanSocket
  send(number: number, text: string): void
  /** Once per second. */
  tick?(): void
  counts?: FollowerCounts
  /** A new connection that goes on where the old one was; none with a server that cannot. */
  reconnect?(): void
}

/** Its number stands first in a text of `bytes` bytes. */
export const textOf = (number: number, bytes: number) => `${String(number).padStart(DIGITS, '0')} `.padEnd(bytes, 'x')

export function openLine(place: Place, events: Events): Line {
  if (place.peer === 'parley') return openParley(place, events)
  return place.peer === 'ws' ? openWs(place, events) : openSocketIo(place, events)
}

function openWs({ url }: Place, { onReady, onMessage, onClose }: Events): Line {
  const socket = openLeanSocket(
    url,
    {},
    { onOpen: onReady, onMessage: (bytes, start) => onMessage(numberAt(bytes, start)), onClose },
  )
  return { socket, send: (_, text) => socket.send(text) }
}

/** Engine.IO 4 packets: 0 open, 2 ping, 3 pong, 4 message; within a message, Socket.IO's 0 connect and 2 event. */
function openSocketIo({ url }: Place, { onReady, onMessage, onFault, onClose }: Events): Line {
  const [OPEN, PING, MESSAGE, CONNECT, EVENT] = Buffer.from('02402')
  const take = (bytes: Buffer, start: number, end: number) => {
    const [packet, kind] = [bytes[start], bytes[start + 1]]
    if (packet === MESSAGE && kind === EVENT) onMessage(numberAt(bytes, start + SOCKET_IO_HEAD))
    else if (packet === MESSAGE && kind === CONNECT) onReady()
    else if (packet === OPEN) socket.send('40')
    else if (packet === PING) socket.send('3')
    else onFault(`packet ${bytes.toString('utf8', start, end)}`)
  }
  const at = `${url}/socket.io/?EIO=4&transport=websocket`
  const socket = openLeanSocket(at, {}, { onOpen: () => {}, onMessage: take, onClose })
  return { socket, send: (_, text) => socket.send(`42["message","${text}"]`) }
}

function openParley(
  { url, channel, token, ticket, nonces }: Place,
  { onReady, onMessage, onFault, onClose }: Events,
): Line {
  const follower = followChannel({
    channel: channel!,
    send: (text) => line.socket.send(text),
    apply: (event) => event.type === 'message' && onMessage(numberOf(event)),
    onResumed: onReady,
    onAnswer: ({ type, data }) => type === 'error' && onFault(`error ${data.code}: ${data.message}`),
    onSilent: () => onFault('nothing came for 55 s'),
  })
  const take = (bytes: Buffer, start: number, end: number) => {
    const frames = decodeFrames(bytes, start, end)
    for (let at = 0; at < frames.length; at++) follower.take(frames[at]!)
  }
  /** At first as a browser does, with a ticket, which is good once. */
  const open = (credential: { protocols: string[]; headers?: Record<string, string> }) =>
    openLeanSocket(`${url}/api/v1/ws`, credential, { onOpen: () => {}, onMessage: take, onClose })
  const line = {
    socket: open({ protocols: ['chat.v1', `ticket.${ticket}`] }),
    send: (number: number, text: string) =>
      line.socket.send(
        `{"type":"message.send","id":"${number}","data":{"channel_id":"${channel}","content":"${text}","nonce":"${nonces}-${number}"}}`,
      ),
    tick: follower.tick,
    counts: follower.counts,
    reconnect: () => {
      line.socket = open({ protocols: ['chat.v1'], headers: { authorization: `Bearer ${token}` } })
    },
  }
  return line
}

/** Kept with the frame, which the receivers share. */
const numberOf = (event: Frame) => (event.number ??= Number(event.data.content.slice(0, DIGITS)))

function numberAt(bytes: Buffer, start: number): number {
  let number = 0
  for (let at = start; at < start + DIGITS; at++) number = number * 10 + bytes[at]! - 48
  return number
}
