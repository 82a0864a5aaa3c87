import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { modulesIn } from '../../scripts/bundle/build.ts'
import { apiConfig, BASE, type Base, realtimeConfig, withConfig } from '../../scripts/deploy/configs.ts'
import { runWrangler } from '../../scripts/local-server.ts'
import { newState } from './migrated-state.ts'

/** API and channels as Workers of their own, each from the configuration and the bundle that a deploy makes. */
export async function startTwoWorkers(vars: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-apart-'))
  const state = newState()
  // It says on standard output that it has found the secret.
  process.env.WRANGLER_LOG = 'error'
  process.env.JWT_SECRET = randomBytes(32).toString('base64url')
  const workers = [
    // Pages are not asked for, so they are not built.
    await built({ ...apiConfig(BASE), build: WITHOUT_PAGES, assets: undefined }, folder, vars),
    // None of the API's settings and secrets are there.
    await built(realtimeConfig(BASE), folder, { JWT_SECRET: randomBytes(32).toString('base64url') }),
  ]
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: workers as never,
      host: '127.0.0.1',
      port: 0,
      resourcePersistencePath: join(state, 'v3'),
      cf: false,
      handleStructuredLogs: () => {},
    }),
  )
  const url = (await miniflare.ready).origin
  return {
    url,
    async close() {
      await miniflare.dispose()
      for (const path of [folder, state]) rmSync(path, { recursive: true, force: true })
    },
  }
}

/** What workerd runs of one of them. */
const built = (config: Base, folder: string, vars: Record<string, string>) =>
  withConfig(config, async (file) => {
    const out = join(folder, config.name)
    const { ok, output } = await runWrangler(['deploy', '--dry-run', `--config=${file}`, `--outdir=${out}`])
    if (!ok) throw new Error(`${config.name} could not be built:\n${output}`)
    const { workerOptions } = unstable_getMiniflareWorkerOptions(file)
    const { modulesRules: _, durableObjects, bindings, ...options } = workerOptions
    return {
      ...options,
      name: config.name,
      bindings: { ...(bindings as object), ...vars },
      // Whose classes moved there knows that of itself only from their migrations.
      durableObjects: Object.fromEntries(
        Object.entries(durableObjects as Record<string, object>).map(([name, given]) => [
          name,
          { ...given, useSQLite: true },
        ]),
      ),
      ratelimits: Object.fromEntries(Object.keys(options.ratelimits ?? {}).map((name) => [name, BRAKE])),
      modulesRoot: out,
      modules: modulesIn(out).map((path) => ({
        type: 'ESModule',
        path: join(out, path),
        contents: readFileSync(join(out, path), 'utf8'),
      })),
    }
  })

const WITHOUT_PAGES = { command: 'node scripts/build-worker.ts' }
/** In place of that of wrangler.toml, which a test is too fast for. */
const BRAKE = { namespace_id: '1001', simple: { limit: 1_000_000, period: 10 as const } }
