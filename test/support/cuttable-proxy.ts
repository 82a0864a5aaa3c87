import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const TRICKLE_MS = 20

/** One client's way through the proxy. */
export type ProxiedConnection = {
  /** Resets both sides: both see the cut. */
  destroy(): void
  /** Half open: no byte passes any more, and neither side is told, not even of the other's end. */
  blackhole(): void
  /** Lets so many bytes per second pass from now on, each way. */
  throttle(bytesPerSecond: number): void
  /** Holds every byte back for so long from now on, each way. */
  delay(ms: number): void
}

/** A way to a server on loopback that can be torn down at any moment, as a network does. */
export type CuttableProxy = {
  url: string
  /** What is open, oldest first. */
  connections(): ProxiedConnection[]
  /** Tears down every connection; new ones are let in. */
  cut(): void
  /** The next connection is reset when an answer begins: the request has got through, what it did is not told. */
  loseNextAnswer(): void
  close(): Promise<void>
}

/** Passes bytes on to `port` and back. */
export async function startCuttableProxy(port: number): Promise<CuttableProxy> {
  const open = new Set<ProxiedConnection>()
  let answersToLose = 0
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    const connection = pass(client, upstream, () => open.delete(connection))
    open.add(connection)
    if (answersToLose === 0) return
    answersToLose--
    upstream.unpipe(client)
    upstream.once('data', connection.destroy).resume()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const cut = () => {
    for (const connection of open) connection.destroy()
  }
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done())
      cut()
    })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, connections: () => [...open], cut, loseNextAnswer: () => answersToLose++, close }
}

function pass(client: Socket, upstream: Socket, onEnd: () => void): ProxiedConnection {
  const ways = [
    [client, upstream],
    [upstream, client],
  ] as const
  let trickles: NodeJS.Timeout[] = []
  const held = new Map<Socket, (bytes: Buffer) => void>()
  const lastHeld = new Map<Socket, Promise<void>>()
  let isHalfOpen = false
  const stopPassing = () => {
    for (const trickle of trickles) clearInterval(trickle)
    trickles = []
    for (const [from, to] of ways) from.unpipe(to)
    for (const [from, hold] of held) from.off('data', hold)
    held.clear()
  }
  const destroy = () => {
    stopPassing()
    client.resetAndDestroy()
    upstream.resetAndDestroy()
    onEnd()
  }
  for (const [from, to] of ways) {
    from.pipe(to)
    from.on('error', () => {})
    from.on('close', () => {
      if (isHalfOpen) return
      stopPassing()
      to.destroy()
      onEnd()
    })
  }
  return {
    destroy,
    blackhole() {
      isHalfOpen = true
      stopPassing()
    },
    throttle(bytesPerSecond) {
      stopPassing()
      const share = Math.max(1, Math.round((bytesPerSecond * TRICKLE_MS) / 1000))
      trickles = ways.map(([from, to]) => setInterval(trickle, TRICKLE_MS, from, to, share))
    },
    delay(ms) {
      stopPassing()
      for (const [from, to] of ways) {
        const hold = (bytes: Buffer) => {
          const due = Date.now() + ms
          // Behind what is still held back for longer.
          const before = lastHeld.get(from)
          const letThrough = async () => {
            await before
            await sleep(Math.max(0, due - Date.now()))
            to.write(bytes)
          }
          lastHeld.set(from, letThrough())
        }
        held.set(from, hold)
        from.on('data', hold).resume()
      }
    },
  }
}

function trickle(from: Socket, to: Socket, bytes: number): void {
  // 0 bytes ask the system for more when nothing is there yet.
  const chunk = from.read(Math.min(bytes, from.readableLength))
  if (chunk !== null) to.write(chunk)
}
