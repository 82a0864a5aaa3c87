import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

// Plain `ws` as its README broadcasts: every message goes to every open socket. It stores nothing.
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, backlog: 4_096 })

server.on('connection', (socket) => {
  socket.on('error', () => {})
  socket.on('message', (data, isBinary) => {
    for (const client of server.clients)
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary })
  })
})
server.on('listening', () => console.log((server.address() as AddressInfo).port))

// The end of stdin tells that the benchmark is gone.
process.stdin.once('end', () => process.exit()).resume()
