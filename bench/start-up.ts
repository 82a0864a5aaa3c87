import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runWrangler } from '../scripts/local-server.ts'
import { number, spread } from './figures.ts'

// node bench/start-up.ts: what workerd's CPU does until the Worker can take its first request. Part of `npm run bench`.
const BOUND_MS = 80
const TIMES = 3
/** Samples of a profile that are no work of the Worker. */
const IDLE = ['(idle)', '(root)']

type Profile = {
  nodes: { id: number; callFrame: { functionName: string } }[]
  samples: number[]
  /** Microseconds before each sample. */
  timeDeltas: number[]
}

const folder = mkdtempSync(join(tmpdir(), 'parley-start-up-'))
try {
  const bundle = join(folder, 'worker.bundle')
  await wrangler(['deploy', '--dry-run', `--outfile=${bundle}`])
  const taken: number[] = []
  for (let time = 0; time < TIMES; time++) taken.push(await activeMs(bundle, join(folder, `${time}.cpuprofile`)))
  const verdict = Math.min(...taken) <= BOUND_MS ? 'holds' : 'DOES NOT HOLD'
  console.log(`Start-up: ${spread(taken)} ms of CPU (at most ${number(BOUND_MS)}: ${verdict})`)
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
