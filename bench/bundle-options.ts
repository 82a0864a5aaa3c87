import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { convertV4MiniflareOptions, type MiniflareOptions } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { modulesIn } from '../scripts/bundle/build.ts'

/** In place of the brake of wrangler.toml. */
const BURST = { namespace_id: '1001', simple: { limit: 1_000_000, period: 10 as const } }

type Bundle = {
  /** Folder of what scripts/build-worker.ts has built. */
  built: string
  /** Folder of its state. */
  state: string
  /** Variables, and JWT_SECRET. */
  vars: Record<string, string>
  /** Where it listens on loopback, with nothing before it. */
  port: number
  /** A module that is put before the bundle, which it imports as `./index.mjs`; by default there is none. */
  entry?: string
  /** Takes the lines that it logs. */
  onLog?: (line: string) => void
}

/** What Miniflare is to be told to run a built Worker in workerd as it is, and nothing around it. */
export function bundleOptions({ built, state, vars, port, entry, onLog }: Bundle): MiniflareOptions {
  process.env.JWT_SECRET = vars.JWT_SECRET!
  // It says that it has found it, on standard output.
  process.env.WRANGLER_LOG = 'error'
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(import.meta.dirname, '../wrangler.toml'))
  // Its files are served by other Workers, which every request would go through.
  const { modulesRules: _, assets: __, ...options } = workerOptions
  const before = entry === undefined ? [] : [{ path: 'entry.js', contents: entry }]
  const modules = modulesIn(built).map((path) => ({
    path,
    contents: readFileSync(join(built, path), 'utf8'),
  }))
  return convertV4MiniflareOptions({
    ...options,
    name: 'parley',
    modulesRoot: built,
    modules: [...before, ...modules].map(({ path, contents }) => ({
      type: 'ESModule' as const,
      path: join(built, path),
      contents,
    })),
    bindings: { ...(options.bindings as object), ...vars },
    ratelimits: { BURST },
    resourcePersistencePath: join(state, 'v3'),
    unsafeDirectSockets: [{ host: '127.0.0.1', port }],
    cf: false,
    // What it logs is taken, as anywhere, and shown to nobody but who asks for it.
    handleStructuredLogs: ({ message }) => onLog?.(message),
  })
}
