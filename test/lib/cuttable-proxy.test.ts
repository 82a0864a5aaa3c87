import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { startCuttableProxy } from '../support/cuttable-proxy.ts'

test('one connection is destroyed, the other goes on', async () => {
  const { proxy, connectClient } = await startEcho()
  const [first, second] = [await connectClient(), await connectClient()]
  proxy.connections()[0]!.destroy()
  expect(await first.closed).toBe(1006)
  expect(await second.echo('still here')).toBe('still here')
  expect(proxy.connections()).toHaveLength(1)
})

test('half open, nothing passes and neither side is told, not even of the end of the other', async () => {
  const { proxy, connectClient, serverSockets } = await startEcho()
  const client = await connectClient()
  expect(await client.echo('before')).toBe('before')
  proxy.connections()[0]!.blackhole()
  expect(await Promise.race([client.echo('after'), sleep(300, 'nothing')])).toBe('nothing')
  expect(client.socket.readyState).toBe(WebSocket.OPEN)
  client.socket.terminate()
  await sleep(300)
  expect(serverSockets[0]!.readyState).toBe(WebSocket.OPEN)
  const again = await connectClient()
  expect(await again.echo('a new one passes')).toBe('a new one passes')
  proxy.cut()
  expect(await again.closed).toBe(1006)
  await expect.poll(() => serverSockets.every(({ readyState }) => readyState === WebSocket.CLOSED)).toBe(true)
})

test('throttled, all bytes pass in order, and slowly', async () => {
  const { proxy, connectClient } = await startEcho()
  const client = await connectClient()
  proxy.connections()[0]!.throttle(20_000)
  const text = Array.from({ length: 2_000 }, (_, n) => String(n).padStart(5)).join('')
  const startedAt = performance.now()
  expect(await client.echo(text)).toBe(text)
  // 10,000 bytes take half a second there; what comes back may go on meanwhile.
  expect(performance.now() - startedAt).toBeGreaterThan(400)
})

test('delayed, all bytes pass in order, and each as late', async () => {
  const { proxy, connectClient } = await startEcho()
  const client = await connectClient()
  proxy.connections()[0]!.delay(100)
  const startedAt = performance.now()
  expect(await client.echo('x'.repeat(100_000))).toBe('x'.repeat(100_000))
  // There and back.
  expect(performance.now() - startedAt).toBeGreaterThan(195)
})

test('delayed by less than before, what was sent later does not come first', async () => {
  const { proxy, connectClient } = await startEcho()
  const client = await connectClient()
  const heard: string[] = []
  client.socket.on('message', (data) => heard.push(String(data)))
  proxy.connections()[0]!.delay(200)
  client.socket.send('first')
  await sleep(50)
  proxy.connections()[0]!.delay(0)
  client.socket.send('second')
  await expect.poll(() => heard.length).toBe(2)
  expect(heard).toEqual(['first', 'second'])
})

/** A server that says again what it hears, behind a proxy. */
async function startEcho() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  const serverSockets: WebSocket[] = []
  server.on('connection', (socket) => {
    serverSockets.push(socket)
    socket.on('error', () => {})
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  await new Promise((done) => server.once('listening', done))
  const proxy = await startCuttableProxy((server.address() as AddressInfo).port)
  onTestFinished(async () => {
    await proxy.close()
    server.close()
  })
  const connectClient = async () => {
    const socket = new WebSocket(proxy.url.replace('http', 'ws'))
    socket.on('error', () => {})
    const closed = new Promise<number>((done) => socket.once('close', done))
    await new Promise((done) => socket.once('open', done))
    const echo = (text: string) => {
      const answer = new Promise<string>((done) => socket.once('message', (data) => done(String(data))))
      socket.send(text)
      return answer
    }
    return { socket, closed, echo }
  }
  return { proxy, connectClient, serverSockets }
}
