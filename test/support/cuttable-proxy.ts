import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server on loopback that can be torn down at any moment, as a network does. */
export type CuttableProxy = {
  url: string
  /** Tears down every connection; new ones are let in. */
  cut(): void
  close(): Promise<void>
}

/** Passes bytes on to `port` and back. */
export async function startCuttableProxy(port: number): Promise<CuttableProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done())
      cut()
    })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cut, close }
}
