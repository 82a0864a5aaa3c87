import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { getPlatformProxy } from 'wrangler'
import { Refusal } from '../command-line.ts'
import { BASE } from '../deploy/configs.ts'
import { jsonIn } from '../deploy/wrangler.ts'
import { runWrangler } from '../local-server.ts'

/** Which database and bucket: those of a folder on this machine, or of the account. `database` is one with another name. */
export type Place = { remote: true; database?: string } | { remote: false; persistTo?: string }

/** Database and bucket, as a Worker has them, wherever they are. */
export type Stores = {
  d1: D1Database
  files: R2Bucket
  /** Writes the rows of tables into a file, as statements: all of one moment. @throws Refusal */
  exportTo(file: string, tables: string[]): Promise<void>
  close(): Promise<void>
}

const STATE = resolve(import.meta.dirname, '../../.wrangler/state')

/** @throws Refusal when the account has no such database */
export async function openStores(place: Place): Promise<Stores> {
  // It would tell of its bindings.
  process.env.WRANGLER_LOG ??= 'error'
  const folder = mkdtempSync(join(tmpdir(), 'parley-stores-'))
  const config = join(folder, 'wrangler.json')
  writeFileSync(config, JSON.stringify(await configOf(place)))
  const state = resolve((place.remote ? undefined : place.persistTo) ?? STATE)
  if (!place.remote) {
    mkdirSync(state, { recursive: true })
    // `d1 export` takes no other folder than the one beside its configuration.
    mkdirSync(join(folder, '.wrangler'))
    symlinkSync(state, join(folder, '.wrangler/state'), 'dir')
  }
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const { env, dispose } = await getPlatformProxy<{ DB: D1Database; FILES: R2Bucket }>({
      configPath: config,
      persist: place.remote ? false : { path: join(state, 'v3') },
    })
    return {
      d1: env.DB,
      files: env.FILES,
      async exportTo(file, tables) {
        const where = place.remote ? '--remote' : '--local'
        const only = tables.flatMap((table) => ['--table', table])
        const { ok, output } = await runWrangler([
          ...['d1', 'export', 'DB', where, '--no-schema', '--skip-confirmation', '--config', config, '--output', file],
          ...only,
        ])
        if (!ok) throw new Refusal(`The database could not be exported:\n${output.trim()}`)
      },
      async close() {
        await dispose()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** As much of wrangler.toml as leads to the two. Those of an account are found by their ids only. */
async function configOf(place: Place) {
  const { name, compatibility_date, d1_databases, r2_buckets } = BASE as typeof BASE & {
    r2_buckets: [{ binding: string; bucket_name: string }]
  }
  const { binding, database_name } = d1_databases[0] as { binding: string; database_name: string }
  const bucket = { binding: r2_buckets[0].binding, bucket_name: r2_buckets[0].bucket_name }
  const common = { name: `${name}-backup`, compatibility_date }
  if (!place.remote) return { ...common, d1_databases: [{ binding, database_name }], r2_buckets: [bucket] }
  const wanted = place.database ?? database_name
  const { ok, stdout, output } = await runWrangler(['d1', 'info', wanted, '--json'])
  if (!ok) throw new Refusal(`The account's database ${wanted} was not found:\n${output.trim()}`)
  const { uuid } = jsonIn<{ uuid: string }>(stdout)
  return {
    ...common,
    d1_databases: [{ binding, database_name: wanted, database_id: uuid, remote: true }],
    r2_buckets: [{ ...bucket, remote: true }],
  }
}
