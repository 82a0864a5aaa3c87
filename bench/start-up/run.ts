import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runWrangler } from '../../scripts/local-server.ts'
import { number, spread } from '../figures.ts'

// node bench/start-up/run.ts: what workerd's CPU does until the Worker can take its first request, and in turns until one could that
// is of the same libraries and has one route. Part of `npm run bench`.
const BOUND_MS = 80
const TIMES = 3
/** Samples of a profile that are no work of the Worker. */
const IDLE = ['(idle)', '(root)']
const CONFIGS = { Parley: 'wrangler.toml', 'its libraries alone': join(import.meta.dirname, 'wrangler.toml') }

type Profile = {
  nodes: { id: number; callFrame: { functionName: string } }[]
  samples: number[]
  /** Microseconds before each sample. */
  timeDeltas: number[]
}

const folder = mkdtempSync(join(tmpdir(), 'parley-start-up-'))
try {
  const workers = Object.entries(CONFIGS).map(([name, config]) => ({
    name,
    config,
    bundle: join(folder, `${name}.bundle`),
    taken: [] as number[],
  }))
  for (const { config, bundle } of workers)
    await wrangler(['deploy', '--dry-run', `--config=${config}`, `--outfile=${bundle}`])
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
