import { expect, test } from 'vitest'
import {
  admit,
  beginMerge,
  type Counts,
  claimMerge,
  endMerge,
  type Limiter,
  MERGE_MS,
  type Merge,
  newLimiter,
  refuse,
  WINDOW_MS,
} from '../../src/lib/rate-limiter.ts'

const START = Date.UTC(2026, 0, 1)
const STEP_MS = 50
/** A merge takes up to this long. */
const FLIGHT_MS = 500

type World = { isolates: number; staleMs: number; perSecond: number; limit: number; kv?: 'works' | 'refuses' | 'drops' }

/** The same numbers for the same seed (a linear congruential generator). */
function randomOf(seed: number) {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

/**
 * One window of `isolates` that all serve one subject, over a KV that shows a write up to `staleMs` later. Gives how many
 * requests were let in.
 */
function admittedIn({ isolates, staleMs, perSecond, limit, kv = 'works' }: World, seed: number): number {
  const random = randomOf(seed)
  const nodes = Array.from({ length: isolates }, () => ({ limiter: newLimiter(), writes: [] as Write[] }))
  let due: { at: number; run: (now: number) => void }[] = []
  let admitted = 0
  let arrivals = 0

  function merge({ limiter, writes }: (typeof nodes)[number], claim: number, now: number): void {
    const begun = beginMerge(limiter, claim, now)
    if (!begun) return
    const isLost = kv === 'refuses' || (kv === 'drops' && random() < 0.5)
    if (begun.told && !isLost) writes.push({ at: now, window: begun.window, counts: begun.told })
    const heard =
      kv === 'refuses'
        ? []
        : nodes.filter((other) => other.limiter !== limiter).flatMap((other) => seen(other.writes, now, begun))
    due.push({ at: now + random() * FLIGHT_MS, run: () => endMerge(limiter, begun, !isLost, heard) })
  }

  function seen(writes: Write[], now: number, { window }: Merge): Counts[] {
    const visible = writes.filter(({ at }) => at <= now - random() * staleMs).at(-1)
    return visible?.window === window ? [visible.counts] : []
  }

  for (let now = START; now < START + WINDOW_MS; now += STEP_MS) {
    const ready = due.filter(({ at }) => at <= now)
    due = due.filter(({ at }) => at > now)
    for (const { run } of ready) run(now)
    arrivals += (perSecond * STEP_MS) / 1_000
    for (; arrivals >= 1; arrivals--) {
      const node = nodes[Math.floor(random() * isolates)]!
      if (admit(node.limiter, 'somebody', limit, now).isAdmitted) admitted += 1
      const claim = claimMerge(node.limiter, now)
      if (claim !== undefined) due.push({ at: claim, run: (at) => merge(node, claim, at) })
    }
  }
  return admitted
}

type Write = { at: number; window: number; counts: Counts }

/** The bound of docs/rate-limits.md; a step of the simulation counts as a part of the flight. */
function boundOf({ isolates, staleMs, perSecond, limit }: World): number {
  const arrivingIn = (ms: number) => Math.ceil((perSecond * ms) / 1_000)
  const flight = FLIGHT_MS + STEP_MS
  const late = arrivingIn(staleMs + 2 * MERGE_MS + 2 * flight) + isolates * (arrivingIn(flight) + 1)
  return Math.min(isolates * limit, limit + late)
}

const worlds = [1, 2, 5, 20].flatMap((isolates) =>
  [0, 5_000, 30_000, 60_000].flatMap((staleMs) =>
    [2, 20, 200].flatMap((perSecond) => [20, 600].map((limit) => ({ isolates, staleMs, perSecond, limit }))),
  ),
)

test('however many isolates there are and however stale KV is, no more is let in than the bound allows', () => {
  for (const world of worlds) {
    for (const seed of [1, 2, 3]) {
      const admitted = admittedIn(world, seed)
      expect([world, seed, admitted <= boundOf(world)]).toEqual([world, seed, true])
      // Nobody is refused what the limit allows.
      const asked = Math.floor((world.perSecond * WINDOW_MS) / 1_000)
      expect(admitted).toBeGreaterThanOrEqual(Math.min(world.limit, asked) - 1)
    }
  }
})

test('isolates that hear each other let in far less than each of them would alone', () => {
  const world = { isolates: 20, staleMs: 5_000, perSecond: 20, limit: 100 }
  const alone = admittedIn({ ...world, kv: 'refuses' }, 1)
  expect(admittedIn(world, 1)).toBeLessThan(alone / 2)
})

test('when KV refuses, each isolate goes by its own count', () => {
  expect(admittedIn({ isolates: 5, staleMs: 0, perSecond: 200, limit: 20, kv: 'refuses' }, 1)).toBe(5 * 20)
})

test('when KV loses every other write, the bound of isolates that never heard each other still holds', () => {
  for (const world of worlds) {
    const admitted = admittedIn({ ...world, kv: 'drops' }, 4)
    expect(admitted).toBeLessThanOrEqual(world.isolates * world.limit)
  }
})

test('who waits for the rest of the window is let in, also after a burst', () => {
  const limiter = newLimiter()
  for (const at of [0, 1, 15_000, 59_999]) {
    admit(limiter, 'a', 1, START + at)
    for (const { isAdmitted, resetS } of [admit(limiter, 'a', 1, START + at), refuse(limiter, 1, START + at, 10)]) {
      expect(isAdmitted).toBe(false)
      expect(admit(structuredClone(limiter), 'a', 1, START + at + resetS * 1_000).isAdmitted).toBe(true)
    }
  }
})

test('merges of one isolate are five seconds apart, and one that died is made up for', () => {
  const limiter: Limiter = newLimiter()
  admit(limiter, 'a', 9, START)
  const first = claimMerge(limiter, START)!
  expect([first, claimMerge(limiter, START)]).toEqual([START, START])
  expect(beginMerge(limiter, first, START)?.told).toEqual(new Map([['a', 1]]))
  const second = claimMerge(limiter, START + 10)!
  expect(second).toBe(START + MERGE_MS)
  expect(claimMerge(limiter, START + 20)).toBe(undefined)
  // Its holder never came: whoever asks after its time has it.
  expect(claimMerge(limiter, second + 1)).toBe(second + 1)
})

test('memory is bounded: of very many subjects the busiest are kept, and no count is lost to a newcomer', () => {
  const limiter = newLimiter()
  for (let n = 0; n < 5; n++) admit(limiter, 'busy', 5, START)
  for (let n = 0; n < 25_000; n++) admit(limiter, `subject ${n}`, 5, START)
  expect(limiter.own.size).toBeLessThanOrEqual(10_000)
  expect(admit(limiter, 'busy', 5, START).isAdmitted).toBe(false)
})
