import { randomBytes } from 'node:crypto'
import { Miniflare } from 'miniflare'
import { freePort } from '../scripts/local-server.ts'
import { bundleOptions } from './bundle-options.ts'

// node bench/parley-server.ts BUILT STATE VARS: the Worker that scripts/build-worker.ts has put into BUILT, in workerd and
// nothing around it, with the variables of a JSON object. `wrangler dev` puts a proxy and an inspector before it, which take most
// of the time of a small request and exist nowhere else. Prints where it listens.
const [built, state, vars] = process.argv.slice(2) as [string, string, string]

const port = await freePort()
const secret = { JWT_SECRET: randomBytes(32).toString('base64url') }
const miniflare = new Miniflare(bundleOptions({ built, state, vars: { ...secret, ...JSON.parse(vars) }, port }))
await miniflare.ready
console.log(`http://127.0.0.1:${port}`)

const stop = () => void miniflare.dispose().then(() => process.exit())
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
// The end of stdin tells that the benchmark is gone.
process.stdin.once('end', stop).resume()
