import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { rotated } from '../figures.ts'
import { isPinned } from '../processes.ts'
import type { Measured } from './load.ts'
import { environment, type Result, type Side, table, toJson } from './report.ts'
import { type Place, type Scenario, scenariosOf } from './scenarios.ts'
import { withServers } from './servers.ts'

// What requests take, each beside a bare Worker that does the least for it, in turns (../README.md). Part of `npm run bench`.
const WORDS = 50
const GAP_MS = 5
const CROWD = 16
const IN_A_CROWD = ['list', 'reply', 'stream']

const { values: given } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.5' },
    json: { type: 'string' },
  },
})

await withServers(WORDS, GAP_MS, async ({ parley, sides, take }) => {
  const chosen = chosenOf(parley.place)
  const measures = [
    ...chosen.map((scenario) => measureOf(scenario, 1)),
    ...chosen.filter(({ name }) => IN_A_CROWD.includes(name)).map((scenario) => measureOf(scenario, CROWD)),
  ]
  console.log(environment(isPinned))
  // The zeroth warms them up, takes a quarter of the time, and is not counted.
  for (let round = 0; round <= Number(given.rounds); round++) {
    console.log(round === 0 ? 'Warming up' : `Round ${round} of ${given.rounds}`)
    for (const { scenario, result } of measures) {
      const taken: Record<Side, Measured[]> = { parley: [], bare: [] }
      const { turns = 1 } = scenario
      for (let turn = 0; turn < turns; turn++) {
        for (const side of rotated<Side>(['parley', 'bare'], round + turn)) {
          const ask = scenario[side]
          if (!ask) continue
          const seconds = Number(given.seconds) / turns / (round === 0 ? 4 : 1)
          taken[side].push(await take({ ...sides[side], ask, concurrency: result.concurrency, seconds }))
        }
      }
      if (round === 0) continue
      for (const side of ['parley', 'bare'] as const) {
        if (taken[side].length > 0) result.rounds[side].push(together(taken[side]))
      }
    }
  }
  const results = measures.map(({ result }) => result)
  console.log(`\n${table(results)}`)
  if (given.json) await writeFile(given.json, `${JSON.stringify(toJson(results), null, 2)}\n`)
})

function chosenOf(place: Place): Scenario[] {
  const all = scenariosOf(place)
  const names = given.only?.split(',') ?? all.map(({ name }) => name)
  const unknown = names.filter((name) => !all.some((scenario) => scenario.name === name))
  if (unknown.length > 0) throw new Error(`No scenario is called ${unknown}: ${all.map(({ name }) => name).join(', ')}`)
  return all.filter(({ name }) => names.includes(name))
}

function measureOf(scenario: Scenario, concurrency: number): { scenario: Scenario; result: Result } {
  const { name, title, bound } = scenario
  const result = { name, title, concurrency, rounds: { parley: [], bare: [] } }
  // A bound is of one request at a time: in a crowd a time is mostly waiting.
  return { scenario, result: concurrency === 1 ? { ...result, bound } : result }
}

/** The turns of a round as one. */
function together(turns: Measured[]): Measured {
  const faults = turns.map(({ faults }) => faults)
  const sum = (numbers: number[]) => numbers.reduce((one, other) => one + other, 0)
  return {
    times: turns.flatMap(({ times }) => times),
    firstWords: turns.flatMap(({ firstWords }) => firstWords),
    perSecond: sum(turns.map(({ perSecond }) => perSecond)) / turns.length,
    faults: { count: sum(faults.map(({ count }) => count)), first: faults.find(({ first }) => first)?.first },
  }
}
