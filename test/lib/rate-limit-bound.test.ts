import { expect, test } from 'vitest'
import { MERGE_MS, WINDOW_MS } from '../../src/lib/rate-limiter.ts'
import { simulate, type Weather } from '../support/limiter-simulation.ts'
import { seeded } from '../support/seeded.ts'

const LIMIT = 100
const WINDOW_S = WINDOW_MS / 1_000

/** Isolates, staleness of KV, requests per second, duration of a merge; times in seconds. */
type Case = { N: number; T: number; R: number; W: number }

/** As docs/rate-limits.md derives it. */
function boundOf({ N, T, R, W }: Case): number {
  const M = MERGE_MS / 1_000
  return Math.min(N * LIMIT, LIMIT + Math.ceil(R * (T + 2 * M + 2 * W)) + N * (Math.floor(R * W) + 1))
}

/** Where a request goes; the second and the third meet isolates that know nothing yet. */
const ROUTES = {
  anywhere: ({ N }: Case, random: () => number) => Math.floor(random() * N),
  'to one after the other': ({ N }: Case, _: unknown, at: number) => Math.floor((at / WINDOW_MS) * N),
  'to the first, later anywhere': ({ N }: Case, random: () => number, at: number) =>
    at < WINDOW_MS / 2 ? 0 : Math.floor(random() * N),
}
const routes = Object.keys(ROUTES) as (keyof typeof ROUTES)[]

/** How many of a window's evenly spaced requests each isolate lets in. */
async function admittedOf(given: Case, route: keyof typeof ROUTES, seed = 1, faults: Partial<Weather> = {}) {
  const random = seeded(seed)
  const { ask } = simulate(given.N, { staleMs: given.T * 1_000, mergeMs: given.W * 1_000, ...faults }, random)
  const admitted = Array.from({ length: given.N }, () => 0)
  for (let n = 0; n < given.R * WINDOW_S; n++) {
    const at = (n * 1_000) / given.R
    const to = ROUTES[route](given, random, at)
    if ((await ask({ at, to }, LIMIT)).isAdmitted) admitted[to]! += 1
  }
  return admitted
}

const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0)

test('all isolates together let in the limit, and no more than the bound, wherever requests go', async () => {
  for (const N of [1, 2, 5, 20, 50])
    for (const T of [0, 1, 10, 30, 60])
      for (const R of [1, 5, 20, 100])
        for (const W of [0, 0.2, 2])
          for (const route of routes) {
            const given = { N, T, R, W }
            const admitted = sum(await admittedOf(given, route))
            const bound = boundOf(given)
            // Nobody is refused what the limit allows.
            const least = Math.min(LIMIT, R * WINDOW_S)
            const holds = least <= admitted && admitted <= bound
            expect({ ...given, route, admitted, bound, holds }).toMatchObject({ holds: true })
          }
}, 60_000)

test('the bound is no idle one: another schedule comes close to it, and nearly all of it is needed', async () => {
  const given = { N: 20, T: 30, R: 5, W: 0 }
  const overshoots = await Promise.all(
    [1, 2, 3, 4, 5].map(async (seed) => sum(await admittedOf(given, 'anywhere', seed)) - LIMIT),
  )
  expect(Math.max(...overshoots)).toBeGreaterThan(0.7 * (boundOf(given) - LIMIT))
})

test('without staleness and delay nearly the limit is let in, far from what isolates without a merge would', async () => {
  const admitted = sum(await admittedOf({ N: 20, T: 0, R: 5, W: 0 }, 'anywhere'))
  expect(admitted).toBeGreaterThanOrEqual(LIMIT)
  expect(admitted).toBeLessThan(1.5 * LIMIT)
})

test('while KV refuses all writes, each isolate lets in exactly the limit', async () => {
  const admitted = await admittedOf({ N: 5, T: 0, R: 50, W: 0.2 }, 'anywhere', 1, { refused: 1 })
  expect(admitted).toEqual(Array(5).fill(LIMIT))
})

test('writes that KV loses or refuses make it less exact, and no isolate lets in more than the limit', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const faults = { lost: 0.3, refused: 0.3 }
    const admitted = await admittedOf({ N: 10, T: 5, R: 50, W: 0.5 }, 'anywhere', seed, faults)
    expect(Math.max(...admitted)).toBeLessThanOrEqual(LIMIT)
    expect(sum(admitted)).toBeGreaterThanOrEqual(LIMIT)
  }
})

test('a client that waits as long as it is told is never refused twice in a row', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed)
    const { ask } = simulate(5, { staleMs: 20_000, mergeMs: 1_000, lost: 0.2, refused: 0.2 }, random)
    let waited = false
    let refusals = 0
    for (let at = random() * WINDOW_MS; at < 10 * WINDOW_MS; at += 1_000 * random()) {
      const { isAdmitted, resetS } = await ask({ at, to: Math.floor(random() * 5) }, 20)
      expect(isAdmitted || !waited).toBe(true)
      waited = !isAdmitted
      if (waited) {
        refusals += 1
        at += resetS * 1_000
      }
    }
    expect(refusals).toBeGreaterThan(5)
  }
})
