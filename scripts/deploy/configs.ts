import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { experimental_readRawConfig } from 'wrangler'

const ROOT = resolve(import.meta.dirname, '../..')

type Binding = { name: string; class_name: string; script_name?: string }

/** A configuration, as far as is read of it here. */
export type Base = {
  name: string
  d1_databases: [{ database_name: string }, ...{ database_name: string }[]]
  durable_objects: { bindings: Binding[] }
  vars?: Record<string, unknown>
  [key: string]: unknown
}

/** The classes that a Worker of their own has in production: each of its deploys cuts every socket, so it has few of them. */
export const REALTIME_CLASSES = ['Channel', 'Gateway']

/** The variables that these classes read. */
export const REALTIME_VARIABLES = [
  'SOCKET_SHARDS',
  'SOCKETS_PER_USER',
  'SOCKET_FRAME_LIMIT',
  'SOCKET_TICK_MS',
  'CHANNEL_SEND_LIMIT',
  'SEED_OPEN_CHANNELS',
]

/** What only a Worker with requests and a cron needs. All else the two have in common. */
const OF_THE_API = [
  'assets',
  'triggers',
  'kv_namespaces',
  'ratelimits',
  'r2_buckets',
  'send_email',
  'analytics_engine_datasets',
  'routes',
  'route',
  'dev',
]

/** wrangler.toml. */
export const BASE = experimental_readRawConfig({ config: join(ROOT, 'wrangler.toml') }).rawConfig as unknown as Base

export const realtimeName = ({ name }: Base): string => `${name}-realtime`

/** Of the Worker with the classes of channels and sockets. It answers no request: others call its objects. */
export function realtimeConfig(base: Base): Base {
  const shared = Object.fromEntries(Object.entries(base).filter(([key]) => !OF_THE_API.includes(key))) as Base
  const vars = Object.entries(base.vars ?? {}).filter(([name]) => REALTIME_VARIABLES.includes(name))
  return {
    ...shared,
    name: realtimeName(base),
    main: 'dist/realtime/index.mjs',
    build: { command: 'node scripts/build-worker.ts realtime' },
    workers_dev: false,
    preview_urls: false,
    vars: Object.fromEntries(vars),
    durable_objects: { bindings: bindingsFrom(base, realtimeName(base)) },
    // The API had them first: its first version, or all of them if it was never alone. Their objects come along.
    migrations: [
      {
        tag: 'v1',
        transferred_classes: REALTIME_CLASSES.map((name) => ({ from: name, from_script: base.name, to: name })),
      },
    ],
  }
}

/** Of the API beside such a Worker. */
export const apiConfig = (base: Base): Base => ({
  ...base,
  durable_objects: { bindings: bindingsFrom(base, base.name) },
})

/** As one of the two Workers sees them: the classes of the other are bound by its name. */
const bindingsFrom = (base: Base, own: string): Binding[] =>
  base.durable_objects.bindings.map((binding) => {
    const home = REALTIME_CLASSES.includes(binding.class_name) ? realtimeName(base) : base.name
    return home === own ? binding : { ...binding, script_name: home }
  })

/**
 * Runs `work` with a file that has the configuration: wrangler.toml itself when it is that, else one beside it for so long, as the paths
 * in it begin there.
 */
export async function withConfig<T>(config: Base, work: (file: string) => Promise<T>): Promise<T> {
  if (config === BASE) return work(join(ROOT, 'wrangler.toml'))
  const file = join(ROOT, `wrangler.${config.name}.${process.pid}.json`)
  writeFileSync(file, JSON.stringify(config, null, 2))
  try {
    return await work(file)
  } finally {
    rmSync(file, { force: true })
  }
}
