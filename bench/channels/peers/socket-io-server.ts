import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'

// Socket.IO over WebSocket alone: every message goes to everybody. It stores nothing; with `recovery` as its argument it keeps
// the packets of two minutes in memory, for those who come back.
const http = createServer()
const io = new Server(http, {
  transports: ['websocket'],
  ...(process.argv[2] === 'recovery' && { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } }),
})

io.on('connection', (socket) => {
  socket.on('message', (text: string) => io.emit('message', text))
})
http.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 }, () => console.log((http.address() as AddressInfo).port))

// The end of stdin tells that the benchmark is gone.
process.stdin.once('end', () => process.exit()).resume()
