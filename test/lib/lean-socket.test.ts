import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { type LeanSocket, openLeanSocket } from '../../bench/channels/lean-socket.ts'

const SIZES = [0, 1, 125, 126, 65_535, 65_536, 300_000]

test('texts of every length come in whole and in order, and go out', async () => {
  const { received, opened, url } = await startServer((server) => {
    for (const size of SIZES) server.send('x'.repeat(size))
  })
  const sizes: number[] = []
  const socket = await new Promise<LeanSocket>((done) => {
    const opening = openLeanSocket(
      url,
      { protocols: ['chat.v1'], headers: { authorization: 'Bearer t' } },
      { onOpen: () => done(opening), onMessage: (_, start, end) => sizes.push(end - start), onClose: () => {} },
    )
  })
  onTestFinished(() => socket.destroy())
  await expect.poll(() => sizes).toEqual(SIZES)
  for (const text of ['', 'ä', 'y'.repeat(125), 'y'.repeat(2_000)]) socket.send(text)
  await expect.poll(() => received).toEqual(['', 'ä', 'y'.repeat(125), 'y'.repeat(2_000)])
  expect(opened).toEqual([{ protocol: 'chat.v1', authorization: 'Bearer t' }])
})

test("the server's close code is told, also after a pause; 1006 when it just ends or refuses", async () => {
  const closed = await startServer((server) => server.close(4102))
  const pause = (socket: LeanSocket) => {
    socket.pause()
    setTimeout(socket.resume, 100)
  }
  expect(await closeCodeOf(closed.url, pause)).toBe(4102)
  const cut = await startServer((server) => server.terminate())
  expect(await closeCodeOf(cut.url)).toBe(1006)
  expect(await closeCodeOf(cut.url.replace('/ws', '/elsewhere'))).toBe(1006)
})

function closeCodeOf(url: string, meanwhile?: (socket: LeanSocket) => void): Promise<number> {
  return new Promise((onClose) => {
    const socket = openLeanSocket(url, {}, { onOpen: () => meanwhile?.(socket), onMessage: () => {}, onClose })
  })
}

async function startServer(onConnection: (server: WebSocket) => void) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/ws' })
  const received: string[] = []
  const opened: { protocol: string; authorization?: string }[] = []
  server.on('connection', (socket, { headers }) => {
    opened.push({ protocol: socket.protocol, authorization: headers.authorization })
    socket.on('message', (data) => received.push(String(data)))
    onConnection(socket)
  })
  await new Promise((done) => server.once('listening', done))
  onTestFinished(() => server.close())
  return { received, opened, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws` }
}
