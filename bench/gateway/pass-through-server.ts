import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { freePort } from '../../scripts/local-server.ts'

// node bench/gateway/pass-through-server.ts UPSTREAM: the least that a gateway in workerd can do. Prints where it listens.
const [upstream] = process.argv.slice(2) as [string]
const WORKER = `export default {
  fetch: ({ method, headers, body }, { UPSTREAM }) =>
    fetch(UPSTREAM + '/chat/completions', { method, headers: { 'content-type': headers.get('content-type') }, body }),
}`

const port = await freePort()
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    name: 'pass-through',
    compatibilityDate: '2026-10-20',
    modules: [{ type: 'ESModule', path: 'worker.js', contents: WORKER }],
    bindings: { UPSTREAM: upstream },
    unsafeDirectSockets: [{ host: '127.0.0.1', port }],
    cf: false,
  }),
)
await miniflare.ready
console.log(`http://127.0.0.1:${port}`)

const stop = () => void miniflare.dispose().then(() => process.exit())
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
// The end of stdin tells that the benchmark is gone.
process.stdin.once('end', stop).resume()
