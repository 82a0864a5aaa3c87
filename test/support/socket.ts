import { exports } from 'cloudflare:workers'
import { afterEach, expect } from 'vitest'
import { CONTROL_FRAMES, EVENT_FRAMES, SEED_FRAMES } from '../../src/features/sockets/schemas/server-frames.ts'
import type { SignedIn } from './client.ts'

// biome-ignore lint/suspicious/noExplicitAny: frames of every shape
export type Frame = { type: string; id?: string; ch?: string; seq?: number; ts?: string; data?: any; error?: string }

/** A socket of a test: what came, in order and out of its batches, and how it ended. */
export type TestSocket = {
  frames: Frame[]
  /** The frames that others came in. */
  batches: Frame[]
  closed: { code: number; reason: string } | undefined
  send: (frame: unknown) => void
  close: () => void
  /** The first frame that fits, also one that came before; at most five seconds. */
  wait: (fits: (frame: Frame) => boolean, what?: string) => Promise<Frame>
  /** Sends a frame with an id, and gives its answer. */
  ask: (type: string, data: unknown) => Promise<Frame>
  /** Resolves when it has ended. */
  ended: (withinMs?: number) => Promise<{ code: number; reason: string }>
  protocol: string | null
}

type Way = { path?: string; headers?: Record<string, string> }

let asked = 0

type FrameSchemas = Record<string, { safeParse: (frame: unknown) => { error?: { message: string } } }>
const CHAT: FrameSchemas = { ...EVENT_FRAMES, ...CONTROL_FRAMES }
const SEED: FrameSchemas = { ...SEED_FRAMES, pong: CONTROL_FRAMES.pong }

/** Frames that are not as their schemas say. They fail the test in which they came. */
const faults: string[] = []
afterEach(() => expect(faults.splice(0), 'frames that the protocol does not know').toEqual([]))

function check(schemas: FrameSchemas, frame: Frame): void {
  const schema = Object.hasOwn(schemas, frame.type) ? schemas[frame.type] : undefined
  const fault = schema ? schema.safeParse(frame).error?.message : 'an unknown type'
  if (fault !== undefined) faults.push(`${JSON.stringify(frame).slice(0, 1_000)}: ${fault}`)
}

/** Opens a socket; the upgrade must succeed. Each frame that comes is checked against the schema of its type. */
export async function openSocket({ path = '/api/v1/ws', headers = {} }: Way): Promise<TestSocket> {
  const response = await exports.default.fetch(`https://parley.test${path}`, {
    headers: { upgrade: 'websocket', ...headers },
  })
  const socket = response.webSocket
  if (!socket) throw new Error(`No socket: ${response.status} ${await response.text()}`)
  const protocol = response.headers.get('sec-websocket-protocol')
  const isSeed = protocol === null && !/\/ws(\?|$)/.test(path)
  const frames: Frame[] = []
  const batches: Frame[] = []
  const waiting = new Set<() => void>()
  const test: TestSocket = {
    frames,
    batches,
    closed: undefined,
    protocol,
    send: (frame) =>
      socket.send(typeof frame === 'string' || frame instanceof ArrayBuffer ? frame : JSON.stringify(frame)),
    close: () => socket.close(1000),
    wait: (fits, what = String(fits)) =>
      soon(
        () => frames.find(fits),
        () => `${what}: ${JSON.stringify(frames).slice(0, 2_000)} ${JSON.stringify(test.closed)}`,
      ),
    ask: (type, data) => {
      const id = `a${++asked}`
      test.send({ type, id, data })
      return test.wait((frame) => frame.id === id, `the answer to ${type}`)
    },
    ended: (withinMs) =>
      soon(
        () => test.closed,
        () => `the end, after ${JSON.stringify(frames.slice(-3))}`,
        withinMs,
      ),
  }
  const soon = <T>(look: () => T | undefined, what: () => string, withinMs = 5_000) =>
    new Promise<T>((resolve, reject) => {
      const check = () => {
        const found = look()
        if (found === undefined) return
        waiting.delete(check)
        clearTimeout(timer)
        resolve(found)
      }
      const timer = setTimeout(() => {
        waiting.delete(check)
        reject(new Error(`Waited in vain for ${what()}`))
      }, withinMs)
      waiting.add(check)
      check()
    })
  const changed = () => {
    for (const check of [...waiting]) check()
  }
  const take = (frame: Frame) => {
    if (frame.type !== 'batch') frames.push(frame)
    else {
      batches.push(frame)
      for (const each of frame.data) take(each)
    }
  }
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(data as string)
    check(isSeed ? SEED : CHAT, frame)
    take(frame)
    changed()
  })
  socket.addEventListener('close', ({ code, reason }) => {
    test.closed = { code, reason }
    changed()
  })
  socket.accept()
  return test
}

/** A socket of chat.v1 that has resumed. */
export async function connect(
  user: SignedIn,
  streams: Record<string, { epoch: number; seq: number }> = {},
): Promise<TestSocket> {
  const headers = { authorization: `Bearer ${user.tokens.access_token}`, 'sec-websocket-protocol': 'chat.v1' }
  const socket = await openSocket({ headers })
  await socket.wait(({ type }) => type === 'hello')
  socket.send({ type: 'resume', id: 'r', data: { streams } })
  await socket.wait(({ type }) => type === 'resumed')
  return socket
}

/** A socket of contract 3. */
export const connectSeed = (user: SignedIn) =>
  openSocket({ path: `/api/ws/${user.user.username}?token=${user.tokens.access_token}` })

/** The events of a channel that a socket has, single ones and those of replays, as they came. */
export const eventsIn = (socket: TestSocket, channelId: string): Frame[] =>
  socket.frames.flatMap((frame) =>
    frame.ch !== channelId
      ? []
      : frame.type === 'replay'
        ? frame.data.events
        : frame.seq !== undefined && frame.type !== 'ack'
          ? [frame]
          : [],
  )
