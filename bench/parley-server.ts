import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { freePort } from '../scripts/local-server.ts'

// node bench/parley-server.ts BUILT STATE VARS: the Worker that `wrangler deploy --dry-run` has put into BUILT, in workerd and
// nothing around it, with the variables of a JSON object. `wrangler dev` puts a proxy and an inspector before it, which take most
// of the time of a small request and exist nowhere else. Prints where it listens.
const [built, state, vars] = process.argv.slice(2) as [string, string, string]
/** In place of the brake of wrangler.toml. */
const BURST = { namespace_id: '1001', simple: { limit: 1_000_000, period: 10 as const } }

process.env.JWT_SECRET = randomBytes(32).toString('base64url')
// It says that it has found it, on standard output.
process.env.WRANGLER_LOG = 'error'
const { workerOptions } = unstable_getMiniflareWorkerOptions(join(import.meta.dirname, '../wrangler.toml'))
// Its files are served by other Workers, which every request would go through.
const { modulesRules: _, assets: __, ...options } = workerOptions
const port = await freePort()
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    ...options,
    name: 'parley',
    modulesRoot: built,
    modules: ['index.js', ...scriptsIn('apart')].map((path) => ({
      type: 'ESModule',
      path: join(built, path),
      contents: readFileSync(join(built, path), 'utf8'),
    })),
    bindings: { ...(options.bindings as object), ...JSON.parse(vars) },
    ratelimits: { BURST },
    resourcePersistencePath: join(state, 'v3'),
    unsafeDirectSockets: [{ host: '127.0.0.1', port }],
    cf: false,
    // What it logs is taken, as anywhere, and shown to nobody.
    handleStructuredLogs: () => {},
  }),
)
await miniflare.ready
console.log(`http://127.0.0.1:${port}`)

const stop = () => void miniflare.dispose().then(() => process.exit())
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
// The end of stdin tells that the benchmark is gone.
process.stdin.once('end', stop).resume()

function scriptsIn(folder: string): string[] {
  const names = readdirSync(join(built, folder)).filter((name) => name.endsWith('.js'))
  return names.map((name) => `${folder}/${name}`)
}
