import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { markdown, median, number, spread } from '../figures.ts'
import type { Measured } from './load.ts'

const MAX_LOAD_CPU = 0.9
const PACKAGES = ['ws', 'socket.io', 'wrangler', 'workerd']

/** What was measured, by peer, in the order of the runs. */
export type Results = Map<string, Measured[]>

/** Why a run says nothing (README.md, "Fairness"); empty when it does. */
function voidBecause({ loadCpu, faults, troubles, paused }: Measured): string[] {
  const busiest = Math.max(loadCpu, paused?.loadCpu ?? 0)
  return [
    ...(busiest > MAX_LOAD_CPU ? [`the load took ${busiest.toFixed(2)} of its core`] : []),
    ...Object.entries(faults).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : [])),
    ...(troubles.length > 0 ? [`${troubles.length} troubles, the first: ${troubles[0]}`] : []),
  ]
}

const loadAverage = () => loadavg()[0]!.toFixed(2)

export function environment(isPinned: boolean): string {
  const versions = PACKAGES.map((name) => {
    const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
    return `${name} ${version}`
  })
  const cores = isPinned ? 'server on core 0, load on core 1' : 'server and load share all cores: nothing is pinned'
  return `Node ${process.version}, ${versions.join(', ')}; ${cpus().length} × ${cpus()[0]?.model}; ${cores}`
}

/** One run in a line. */
export function line(name: string, measured: Measured): string {
  const { messagesPerSecond, p50, p99, joinMs, loadCpu, serverCpu, othersCpu, dropped, syncs } = measured
  const server = Object.entries(serverCpu).map(([process, cores]) => `${process} ${cores.toFixed(2)}`)
  return [
    `${name}: ${number(messagesPerSecond)} msg/s, p50 ${number(p50)} p99 ${number(p99)} ms, joined in ${number(joinMs)} ms`,
    `CPU of load ${loadCpu.toFixed(2)}, of server ${server.join(' + ')}, of others ${othersCpu.toFixed(2)}, load average ${loadAverage()}`,
    ...(dropped + syncs > 0 ? [`sent twice by the server and dropped ${dropped}, gaps asked for ${syncs}`] : []),
    ...voidBecause(measured).map((reason) => `VOID: ${reason}`),
  ].join('; ')
}

export function table(title: string, results: Results): string {
  const rows = [...results].map(([name, all]) => {
    const runs = all.filter((run) => voidBecause(run).length === 0)
    const cell = (of: (run: Measured) => number) => spread(runs.map(of))
    return [
      name,
      cell(({ messagesPerSecond }) => messagesPerSecond),
      cell(({ deliveriesPerSecond }) => deliveriesPerSecond),
      cell(({ p50 }) => p50),
      cell(({ p99 }) => p99),
      cell(({ joinMs }) => joinMs),
      cell(({ loadCpu }) => loadCpu),
      cell(({ othersCpu }) => othersCpu),
      `${runs.length} of ${all.length}`,
    ]
  })
  return markdown(
    [
      title,
      'msg/s',
      'deliveries/s',
      'last receiver p50 ms',
      'p99 ms',
      'all joined ms',
      'load CPU',
      'others CPU',
      'valid runs',
    ],
    rows,
  )
}

export function slowTable(title: string, results: Results): string {
  const rows = [...results].flatMap(([name, runs]) =>
    runs.map(({ p99, paused, faults, ...run }) => {
      const { codes, memory, ...during } = paused!
      const counts = codes.map((code) => `${code} × ${codes.filter((other) => other === code).length}`)
      return [
        name,
        number(p99),
        number(during.p99),
        [...new Set(counts)].join(', ') || 'none',
        `${memory.before.toFixed(0)} → ${memory.most.toFixed(0)} → ${memory.after.toFixed(0)}`,
        `${faults.missing} / ${faults.repeated} / ${faults.outOfOrder}`,
        voidBecause({ ...run, p99, paused, faults }).join('; ') || 'yes',
      ]
    }),
  )
  const lists = 'missing / repeated / out of order, all receivers'
  return markdown(
    [title, 'others p99 ms before', 'meanwhile', 'closed with', 'memory MB before → most → after', lists, 'valid'],
    rows,
  )
}

/** The bounds of README.md, by medians; of `closed` (most receivers), `quiet` and `slow`. */
export function bounds({ closed, quiet, slow }: { closed: Results; quiet: Results; slow: Results }): string {
  const of = (results: Results, name: string, value: (run: Measured) => number) =>
    median((results.get(name) ?? []).filter((run) => voidBecause(run).length === 0).map(value))
  const rate = (name: string) => of(closed, name, (run) => run.deliveriesPerSecond)
  const late = (results: Results, name: string) => of(results, name, (run) => run.p50)
  const ratio = of(slow, 'parley', (run) => run.paused!.p99 / run.p99)
  const checks: [what: string, isAtMost: [number, number]][] = [
    ['deliveries/s above ws', [rate('ws'), rate('parley')]],
    ['deliveries/s above Socket.IO', [rate('socket.io'), rate('parley')]],
    ['last receiver p50 below ws', [late(closed, 'parley'), late(closed, 'ws')]],
    ['unloaded last receiver p50 at most 10 ms', [late(quiet, 'parley'), 10]],
    ['unloaded last receiver p50 at most 3 × ws', [late(quiet, 'parley'), 3 * late(quiet, 'ws')]],
    ['all joined in 3,000 ms', [of(closed, 'parley', (run) => run.joinMs), 3_000]],
    ['p99 of the others within 1.2 × while some do not read', [ratio, 1.2]],
  ]
  return checks
    .map(([what, [low, high]]) => {
      const verdict = Number.isNaN(low + high) ? 'not measured' : low <= high ? 'holds' : 'DOES NOT HOLD'
      return `${verdict}: ${what} (${number(low)} ≤ ${number(high)})`
    })
    .join('\n')
}
