import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { rotated } from '../figures.ts'
import { machineSeconds, processesOf } from '../process-group.ts'
import { end, isPinned, start } from '../processes.ts'
import { GATEWAYS, type Gateway, type GatewayName, startGateways } from './gateways.ts'
import type { Load, Measured } from './load.ts'
import { bounds, environment, line, type Sample, speedTable, timeTable } from './report.ts'

// npm run bench:gateway: one stream through each of five gateways, in turns (README.md).
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    gateways: { type: 'string', default: GATEWAYS.join(',') },
    chunks: { type: 'string', default: '20' },
    'gap-ms': { type: 'string', default: '5' },
    concurrency: { type: 'string', default: '32' },
  },
})
const names = given.gateways.split(',') as GatewayName[]
const unknown = names.filter((name) => !GATEWAYS.includes(name))
if (unknown.length > 0) throw new Error(`No gateway is called ${unknown}: ${GATEWAYS.join(', ')}`)
const rounds = Number(given.rounds)
const seconds = Number(given.seconds)
const words = Number(given.chunks)

const measures = [
  { title: `${words} chunks at once`, isPaced: false, concurrency: 1, seconds },
  { title: `${words} chunks, ${given['gap-ms']} ms before each`, isPaced: true, concurrency: 1, seconds: seconds * 2 },
  {
    title: `${words} chunks at once, ${given.concurrency} requests at a time`,
    isPaced: false,
    concurrency: Number(given.concurrency),
    seconds,
  },
].map((measure) => ({ ...measure, samples: new Map<GatewayName, Sample[]>(names.map((name) => [name, []])) }))

const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
const here = (file: string) => join(import.meta.dirname, file)
const started: { stop(): Promise<void> }[] = []
try {
  const upstream = await start(here('upstream.ts'), [given.chunks, given['gap-ms']], { core: 'load' })
  started.push({ stop: () => end(upstream.child) })
  const load = await startLoad(upstream.child.pid!)
  started.push(load)
  const gateways = await startGateways(names, `http://127.0.0.1:${upstream.line}/v1`, folder)
  started.push(...gateways)
  console.log(environment(isPinned))
  for (const { name, stores } of gateways) console.log(`${name} stores ${stores}`)

  // The zeroth warms them up, and is not counted.
  for (let round = 0; round <= rounds; round++) {
    console.log(round === 0 ? '\nWarming up' : `\nRound ${round} of ${rounds}`)
    for (const { title, samples, ...what } of measures) {
      // Nobody always goes first.
      for (const gateway of rotated(gateways, round)) {
        const isWarmUp = round === 0
        const sample = await load.take(gateway, isWarmUp ? { ...what, seconds: what.seconds / 2 } : what)
        console.log(line(gateway.name, title, sample))
        if (!isWarmUp) samples.get(gateway.name)!.push(sample)
      }
    }
  }
  const [atOnce, paced, crowd] = measures
  for (const { title, samples } of [atOnce!, paced!]) console.log(`\n${timeTable(title, samples)}`)
  console.log(`\n${speedTable(crowd!.title, crowd!.samples)}`)
  console.log(`\n${bounds(atOnce!.samples, paced!.samples, crowd!.samples)}`)
} finally {
  for (const each of started.reverse()) await each.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** The process that asks. `take` measures a gateway, with what its processes and those of the load took meanwhile. */
async function startLoad(upstreamPid: number) {
  const { child } = await start(here('load.ts'), [], { core: 'load' })
  const lines = createInterface({ input: child.stdout! })
  const lost = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The load ended with ${code}`)))
  lost.catch(() => {})
  return {
    stop: () => end(child),
    async take(gateway: Gateway, what: { isPaced: boolean; concurrency: number; seconds: number }): Promise<Sample> {
      const { url, headers, bodyOf } = gateway
      const load: Load = { url, headers, body: bodyOf(what.isPaced), words, ...what }
      const answered = once(lines, 'line')
      const groups = [gateway.pid, upstreamPid, child.pid!]
      const before = [machineSeconds(), ...groups.map(secondsOf)]
      const begun = performance.now()
      child.stdin!.write(`${JSON.stringify(load)}\n`)
      const measured: Measured = JSON.parse((await Promise.race([answered, lost]))[0])
      const elapsed = (performance.now() - begun) / 1_000
      const after = [machineSeconds(), ...groups.map(secondsOf)]
      const [machine, server, upstream, asking] = after.map((seconds, at) => (seconds - before[at]!) / elapsed)
      const loadCpu = upstream! + asking!
      return { ...measured, loadCpu, serverCpu: server!, othersCpu: Math.max(0, machine! - server! - loadCpu) }
    },
  }
}

function secondsOf(group: number): number {
  return processesOf(group).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
}
