import { Server } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { freePort } from '../../scripts/local-server.ts'

// node bench/gateway/portkey-server.ts FOLDER: the gateway that is installed in FOLDER, as its own command starts it, but on
// loopback alone. Prints where it listens.
const [folder] = process.argv.slice(2) as [string]
const port = await freePort()

const listen = Server.prototype.listen as (...args: unknown[]) => Server
Server.prototype.listen = function (this: Server, _port: unknown, ...rest: unknown[]) {
  const done = rest.findLast((arg) => typeof arg === 'function')
  return listen.call(this, port, '127.0.0.1', () => {
    if (typeof done === 'function') done()
    print(`http://127.0.0.1:${port}\n`)
  })
} as typeof Server.prototype.listen

// It draws while it starts.
const print = process.stdout.write.bind(process.stdout)
process.stdout.write = () => true
process.argv.push(`--port=${port}`, '--headless')
await import(pathToFileURL(join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js')).href)

// The end of stdin tells that the benchmark is gone.
process.stdin.once('end', () => process.exit()).resume()
