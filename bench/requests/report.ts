import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { markdown, median, number, quantile, spread } from '../figures.ts'
import type { Measured } from './load.ts'

export type Side = 'parley' | 'bare'
/** What was measured, by rounds: the nth of both sides were made in turn. */
export type Result = {
  name: string
  title: string
  concurrency: number
  bound?: number
  rounds: Record<Side, Measured[]>
}

export function environment(isPinned: boolean): string {
  const { version } = JSON.parse(readFileSync('node_modules/workerd/package.json', 'utf8'))
  const cores = isPinned
    ? 'workerd on core 0; load, model and who takes the log on core 1'
    : 'all share all cores: nothing is pinned'
  return `Node ${process.version}, workerd ${version}; ${cpus().length} × ${cpus()[0]?.model}; ${cores}`
}

const p50 = ({ times }: Measured) => quantile(times, 0.5)
const valid = (rounds: Measured[]) => rounds.filter(({ faults, times }) => faults.count === 0 && times.length > 0)

/** Round by round, as the machine is the same then. */
const ratios = ({ rounds }: Result) =>
  rounds.parley.flatMap((mine, at) => {
    const other = rounds.bare[at]
    return other && valid([mine, other]).length === 2 ? [p50(mine) / p50(other)] : []
  })

export function table(results: Result[]): string {
  const rows = results.map((result) => {
    const [mine, other] = [valid(result.rounds.parley), valid(result.rounds.bare)]
    const times = mine.flatMap(({ times }) => times)
    const faults = result.rounds.parley.find(({ faults }) => faults.count > 0)?.faults.first
    return [
      result.title,
      number(result.concurrency),
      spread(mine.map(p50)),
      number(quantile(times, 0.99)),
      spread(mine.filter(({ firstWords }) => firstWords.length > 0).map(({ firstWords }) => quantile(firstWords, 0.5))),
      spread(mine.map(({ perSecond }) => perSecond)),
      spread(other.map(p50)),
      spread(ratios(result)),
      faults === undefined ? verdict(result) : `VOID: ${faults}`,
    ]
  })
  return markdown(['', 'c', 'p50 ms', 'p99 ms', 'first word', 'per s', 'bare Worker', '×', 'bound'], rows)
}

function verdict(result: Result): string {
  const { bound } = result
  if (bound === undefined) return ''
  return median(ratios(result)) <= bound ? `≤ ${bound}: holds` : `≤ ${bound}: DOES NOT HOLD`
}

/** For programs: medians of the rounds, in milliseconds. */
export const toJson = (results: Result[]) =>
  results.map((result) => ({
    name: result.name,
    concurrency: result.concurrency,
    p50: median(valid(result.rounds.parley).map(p50)),
    per_second: median(valid(result.rounds.parley).map(({ perSecond }) => perSecond)),
    bare_p50: orNull(median(valid(result.rounds.bare).map(p50))),
    ratio: orNull(median(ratios(result))),
    bound: result.bound ?? null,
  }))

const orNull = (value: number) => (Number.isNaN(value) ? null : value)
