import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildWorker } from '../../scripts/bundle/build.ts'
import { BASE } from '../../scripts/deploy/configs.ts'
import { runWrangler } from '../../scripts/local-server.ts'
import { number, spread } from '../figures.ts'

// node bench/start-up/run.ts: what workerd's CPU does until the Worker can take its first request, and in turns until one could that
// is of the same libraries and has one route. Part of `npm run bench`.
const BOUND_MS = 80
const TIMES = 3
/** Samples of a profile that are no work of the Worker. */
const IDLE = ['(idle)', '(root)']
const WORKERS = { Parley: 'src/index.ts', 'its libraries alone': 'bench/start-up/libraries.ts' }

/** What is kept of Parley's: starting asks for no bindings. */
const KEPT = ['name', 'compatibility_date', 'compatibility_flags', 'no_bundle', 'find_additional_modules', 'rules']
const CONFIG = { ...Object.fromEntries(KEPT.map((key) => [key, BASE[key]])), main: 'index.mjs' }

type Profile = {
  nodes: { id: number; callFrame: { functionName: string } }[]
  samples: number[]
  /** Microseconds before each sample. */
  timeDeltas: number[]
}

const folder = mkdtempSync(join(tmpdir(), 'parley-start-up-'))
try {
  const workers = Object.entries(WORKERS).map(([name, entry], at) => ({
    name,
    entry,
    built: join(folder, String(at)),
    bundle: join(folder, `${at}.bundle`),
    taken: [] as number[],
  }))
  for (const { entry, built, bundle } of workers) {
    await buildWorker(entry, built)
    const config = join(built, 'wrangler.json')
    writeFileSync(config, JSON.stringify(CONFIG))
    await wrangler(['deploy', '--dry-run', `--config=${config}`, `--outfile=${bundle}`])
  }
  for (let time = 0; time < TIMES; time++)
    for (const { bundle, taken } of workers) taken.push(await activeMs(bundle, join(folder, 'start.cpuprofile')))
  for (const { name, taken } of workers) console.log(`Start-up of ${name}: ${spread(taken)} ms of CPU`)
  const verdict = Math.min(...workers[0]!.taken) <= BOUND_MS ? 'holds' : 'DOES NOT HOLD'
  console.log(`At most ${number(BOUND_MS)}: ${verdict}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function activeMs(bundle: string, outfile: string): Promise<number> {
  await wrangler(['check', 'startup', `--worker=${bundle}`, `--outfile=${outfile}`])
  const { nodes, samples, timeDeltas }: Profile = JSON.parse(readFileSync(outfile, 'utf8'))
  const idle = new Set(nodes.filter(({ callFrame }) => IDLE.includes(callFrame.functionName)).map(({ id }) => id))
  const active = timeDeltas.filter((_, at) => !idle.has(samples[at]!))
  return active.reduce((sum, delta) => sum + delta, 0) / 1_000
}

async function wrangler(args: string[]): Promise<void> {
  const { ok, output } = await runWrangler(args)
  if (!ok) throw new Error(`wrangler ${args[0]} failed:\n${output}`)
}
