import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { markdown, median, number, quantile, spread } from '../figures.ts'
import type { GatewayName } from './gateways.ts'
import type { Measured } from './load.ts'

const MAX_LOAD_CPU = 0.9
/** Of a stream against a pass-through: by the short way, and stored. */
const MAX_SHORT = 1.5
const MAX_STORED = 3
const MAX_TRIPS = 2

/** What was measured of one gateway in one round; cores in use by the load with its upstream, by the gateway, and by all else. */
export type Sample = Measured & { loadCpu: number; serverCpu: number; othersCpu: number }
export type Samples = Map<GatewayName, Sample[]>

export function environment(isPinned: boolean): string {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, 'portkey/package-lock.json'), 'utf8')).packages
  const versions = ['@portkey-ai/gateway', '@hono/node-server'].map(
    (name) => `${name} ${lock[`node_modules/${name}`].version}`,
  )
  const { version: workerd } = JSON.parse(readFileSync('node_modules/workerd/package.json', 'utf8'))
  const cores = isPinned ? 'gateways on core 0, load and upstream on core 1' : 'all share all cores: nothing is pinned'
  return `Node ${process.version}, workerd ${workerd}, ${versions.join(', ')}; ${cpus().length} × ${cpus()[0]?.model}; ${cores}`
}

/** One measurement in a line. */
export function line(name: GatewayName, title: string, sample: Sample): string {
  const { times, perSecond, loadCpu, serverCpu, othersCpu, faults } = sample
  const [p50, p99] = [0.5, 0.99].map((share) => number(quantile(times, share)))
  return [
    `${name}, ${title}: ${number(perSecond)}/s, p50 ${p50} p99 ${p99} ms`,
    `CPU of load ${loadCpu.toFixed(2)}, of the gateway ${serverCpu.toFixed(2)}, of others ${othersCpu.toFixed(2)}`,
    ...(faults.count > 0 ? [`VOID: ${faults.count} faults, the first: ${faults.first}`] : []),
  ].join('; ')
}

/** Times until the last byte, of all rounds together; ratios as medians of those of each round, with their range. */
export function timeTable(title: string, samples: Samples): string {
  const rows = [...samples].map(([name, all]) => {
    const times = valid(all).flatMap(({ times }) => times)
    return [
      name,
      number(quantile(times, 0.5)),
      number(quantile(times, 0.99)),
      ...(['pass-through', 'portkey'] as const).map((other) => spread(ratios(samples, name, other, p50))),
      number(mostTrips(all)),
      times.length.toLocaleString('en'),
    ]
  })
  const head = [title, 'p50 ms', 'p99 ms', '× pass-through', '× portkey', 'D1 trips before the answer', 'requests']
  return markdown(head, rows)
}

export function speedTable(title: string, samples: Samples): string {
  const rows = [...samples].map(([name, all]) => [
    name,
    spread(valid(all).map(rate)),
    spread(valid(all).map(({ times }) => quantile(times, 0.99))),
    ...(['pass-through', 'portkey'] as const).map((other) => spread(ratios(samples, name, other, rate))),
    spread(valid(all).map(({ loadCpu }) => loadCpu)) + (valid(all).some(isFull) ? ' (full)' : ''),
    spread(valid(all).map(({ serverCpu }) => serverCpu)),
    spread(valid(all).map(({ othersCpu }) => othersCpu)),
  ])
  return markdown(
    [title, 'requests/s', 'p99 ms', '× pass-through', '× portkey', 'load CPU', 'gateway CPU', 'others CPU'],
    rows,
  )
}

/** The bounds of README.md. */
export function bounds(atOnce: Samples, paced: Samples, crowd: Samples): string {
  const slower = (samples: Samples, name: GatewayName) => median(ratios(samples, name, 'pass-through', p50))
  const checks: [what: string, value: number, least: number, most: number][] = [
    ['by the short way, paced: p50 against the pass-through', slower(paced, 'parley-short'), 0, MAX_SHORT],
    ['by the short way, at once: p50 against the pass-through', slower(atOnce, 'parley-short'), 0, MAX_SHORT],
    ['stored and resumable, paced: p50 against the pass-through', slower(paced, 'parley'), 0, MAX_STORED],
    ['stored and resumable, at once: p50 against the pass-through', slower(atOnce, 'parley'), 0, MAX_STORED],
    [
      'by the short way, in a crowd: requests per second against portkey',
      median(ratios(crowd, 'parley-short', 'portkey', rate)),
      1,
      Number.POSITIVE_INFINITY,
    ],
    [
      'D1 round trips before the answer',
      mostTrips([...(atOnce.get('parley') ?? []), ...(paced.get('parley') ?? [])]),
      0,
      MAX_TRIPS,
    ],
  ]
  return checks
    .map(([what, value, least, most]) => {
      const verdict = Number.isNaN(value) ? 'not measured' : value >= least && value <= most ? 'holds' : 'DOES NOT HOLD'
      const bound = least > 0 ? `at least ${number(least)}` : `at most ${number(most)}`
      return `${verdict}: ${what} (${number(value)}, ${bound})`
    })
    .join('\n')
}

const valid = (samples: Sample[]) => samples.filter(({ faults }) => faults.count === 0)
/** NaN where nobody tells. */
function mostTrips(samples: Sample[]): number {
  const trips = valid(samples).flatMap(({ trips }) => trips ?? [])
  return trips.length === 0 ? Number.NaN : Math.max(...trips)
}

/** What is measured then is the load. */
const isFull = ({ loadCpu }: Sample) => loadCpu > MAX_LOAD_CPU
const rate = ({ perSecond }: Sample) => perSecond
const p50 = ({ times }: Sample) => quantile(times, 0.5)

/** Round by round, as the machine is the same then. */
function ratios(samples: Samples, name: GatewayName, other: GatewayName, of: (sample: Sample) => number): number[] {
  const others = samples.get(other) ?? []
  return (samples.get(name) ?? []).flatMap((sample, at) => {
    const beside = others[at]
    return beside && valid([sample, beside]).length === 2 ? [of(sample) / of(beside)] : []
  })
}
