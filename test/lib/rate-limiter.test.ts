import { expect, test, vi } from 'vitest'
import { exchange, type Store } from '../../src/http/rate-limits/exchange.ts'
import {
  admit,
  admitted,
  beginMerge,
  claimMerge,
  endMerge,
  type Limiter,
  newLimiter,
  takeBack,
  WINDOW_MS,
} from '../../src/lib/rate-limiter.ts'

const START = 30_000_000 * WINDOW_MS
const at = (seconds: number) => START + seconds * 1_000
const times = (n: number, limiter: Limiter, subject: string, limit: number, now = START) =>
  Array.from({ length: n }, () => admit(limiter, subject, limit, now).isAdmitted)
const hear = (limiter: Limiter, ...counts: Record<string, number>[]) =>
  endMerge(
    limiter,
    { window: limiter.window },
    true,
    counts.map((each) => new Map(Object.entries(each))),
  )

test('a subject has its limit in each window, and no other one', () => {
  const limiter = newLimiter()
  expect(admit(limiter, 'ada', 2, at(18.5))).toEqual({ isAdmitted: true, limit: 2, remaining: 1, resetS: 42 })
  expect(admit(limiter, 'ada', 2, at(59.999))).toEqual({ isAdmitted: true, limit: 2, remaining: 0, resetS: 1 })
  expect(admit(limiter, 'ada', 2, at(59.999)).isAdmitted).toBe(false)
  expect(admit(limiter, 'bob', 2, at(59.999)).isAdmitted).toBe(true)
  expect(admit(limiter, 'ada', 2, at(60))).toEqual({ isAdmitted: true, limit: 2, remaining: 1, resetS: 60 })
})

test('a request that began just before the window counts in it, and a clock that was set back begins anew', () => {
  const limiter = newLimiter()
  expect(times(2, limiter, 'ada', 2, at(60))).toEqual([true, true])
  expect(admit(limiter, 'ada', 2, at(59.9))).toMatchObject({ isAdmitted: false, resetS: 61 })
  expect(admit(limiter, 'ada', 2, at(-60)).isAdmitted).toBe(true)
})

test('what is refused after all is not counted, and may come again when both reasons are over', () => {
  const limiter = newLimiter()
  const refusal = (seconds: number) => takeBack(limiter, 'ada', admit(limiter, 'ada', 1, at(seconds)), 10)
  expect(refusal(20)).toEqual({ isAdmitted: false, limit: 1, remaining: 0, resetS: 40 })
  expect(refusal(55).resetS).toBe(10)
  expect(times(2, limiter, 'ada', 1, at(55))).toEqual([true, false])
})

test('what others let in counts as well; a smaller sum is an older one', () => {
  const limiter = newLimiter()
  admit(limiter, 'ada', 10, START)
  hear(limiter, { ada: 3, bob: 1 }, { ada: 2 })
  expect(admit(limiter, 'ada', 10, START).remaining).toBe(3)
  hear(limiter, { ada: 3 })
  expect(admit(limiter, 'ada', 10, START).remaining).toBe(2)
  endMerge(limiter, { window: START - WINDOW_MS }, true, [new Map([['ada', 100]])])
  expect(admit(limiter, 'ada', 10, START).remaining).toBe(1)
})

test('merges begin five seconds apart, one after the other, and the last request is told too', () => {
  const limiter = newLimiter()
  const claim = (seconds: number) => {
    admit(limiter, 'ada', 1_000, at(seconds))
    return claimMerge(limiter, at(seconds))
  }
  expect(claim(0)).toBe(at(0))
  expect(beginMerge(limiter, at(0), at(0))).toEqual({ window: START, told: new Map([['ada', 1]]) })
  expect(claim(1)).toBe(at(5))
  expect(claim(2)).toBe(undefined)
  expect(beginMerge(limiter, at(5), at(5))?.told).toEqual(new Map([['ada', 3]]))
  // It is long ago.
  expect(claim(30)).toBe(at(30))
})

test('a merge whose holder died is made by the next request, and by one only', () => {
  const limiter = newLimiter()
  beginMerge(limiter, claimMerge(limiter, at(0))!, at(0))
  admit(limiter, 'ada', 9, at(1))
  const lost = claimMerge(limiter, at(1))!
  const taken = claimMerge(limiter, at(7))!
  expect(taken).toBe(at(7))
  expect(beginMerge(limiter, lost, at(7))).toBe(undefined)
  expect(beginMerge(limiter, taken, at(7))).toBeDefined()
  expect(beginMerge(limiter, taken, at(7))).toBe(undefined)
})

test('only news is told, and what did not arrive is told again', () => {
  const limiter = newLimiter()
  admit(limiter, 'ada', 1, START)
  const first = beginMerge(limiter, claimMerge(limiter, at(0))!, at(0))!
  endMerge(limiter, first, false, [])
  const second = beginMerge(limiter, claimMerge(limiter, at(6))!, at(6))!
  expect(second.told).toEqual(first.told)
  endMerge(limiter, second, true, [])
  admit(limiter, 'ada', 1, at(7))
  expect(beginMerge(limiter, claimMerge(limiter, at(12))!, at(12))).toEqual({ window: START, told: undefined })
})

test('memory is bounded, and the busiest subjects are kept', () => {
  const limiter = newLimiter()
  times(3, limiter, 'busy', 3)
  let largest = 0
  for (let n = 0; n < 25_000; n++) {
    admit(limiter, `once-${n}`, 3, START)
    largest = Math.max(largest, limiter.own.size)
  }
  expect(largest).toBe(10_000)
  expect(admit(limiter, 'busy', 3, START).isAdmitted).toBe(false)
  const { told } = beginMerge(limiter, claimMerge(limiter, START)!, START)!
  expect([told!.size, told!.get('busy')]).toEqual([1_000, 3])
  hear(limiter, Object.fromEntries(Array.from({ length: 150_000 }, (_, n) => [`other-${n}`, 1])))
  hear(limiter, Object.fromEntries(Array.from({ length: 150_000 }, (_, n) => [`another-${n}`, 1])))
  expect(limiter.others.size).toBe(100_000)
})

const merge = { window: START, told: new Map([['ada', 1]]) }
const storeOf = (values: Record<string, string>, more: object = {}) =>
  ({
    put: async () => {},
    list: async () => ({ keys: Object.keys(values).map((name) => ({ name })) }),
    get: async (names: string[]) => new Map(names.map((name) => [name, values[name] ?? null])),
    ...more,
  }) as unknown as Store

test('values of another window say nothing, and garbage spoils nothing but itself', async () => {
  const good = JSON.stringify({ window: START, counts: { ada: 2 } })
  const store = storeOf({
    'rate-limits/me': good,
    'rate-limits/a': good,
    'rate-limits/old': JSON.stringify({ window: START - WINDOW_MS, counts: { ada: 9 } }),
    'rate-limits/gone': undefined as never,
    'rate-limits/b': '{',
    'rate-limits/c': JSON.stringify({ window: START, counts: { ada: -5 } }),
    'rate-limits/d': 'null',
  })
  const heard = [new Map([['ada', 2]])]
  expect(await exchange(store, 'me', merge)).toEqual({ arrived: true, heard, faults: ['value'] })
})

test('a write that fails keeps nothing from being heard, and the other way round', async () => {
  const values = { 'rate-limits/a': JSON.stringify({ window: START, counts: { ada: 2 } }) }
  const fail = async () => {
    throw new Error('KV is down')
  }
  const written = await exchange(storeOf(values, { list: fail }), 'me', merge)
  expect(written).toEqual({ arrived: true, heard: [], faults: ['read'] })
  const heard = await exchange(storeOf(values, { put: fail }), 'me', merge)
  expect(heard).toMatchObject({ arrived: false, heard: [new Map([['ada', 2]])], faults: ['write'] })
})

test('a KV that does not answer is given up after two seconds', async () => {
  vi.useFakeTimers()
  const never = () => new Promise(() => {})
  const exchanged = exchange(storeOf({}, { put: never, list: never }), 'me', merge)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(await exchanged).toEqual({ arrived: false, heard: [], faults: ['write', 'read'] })
  vi.useRealTimers()
})

test('others are read a hundred at a time, and three hundred at the most', async () => {
  const value = JSON.stringify({ window: START, counts: { ada: 1 } })
  const names = Array.from({ length: 301 }, (_, n) => `rate-limits/${n === 7 ? 'me' : n}`)
  const asked: number[] = []
  const store = storeOf(Object.fromEntries(names.map((name) => [name, value])), {
    get: async (given: string[]) => {
      asked.push(given.length)
      return new Map(given.map((name) => [name, value]))
    },
  })
  expect((await exchange(store, 'me', merge)).heard.length).toBe(300)
  expect(asked).toEqual([100, 100, 100])
})

test('what was let in counts in its own window, also where nothing is let in any more', () => {
  const limiter = newLimiter()
  const now = 10 * WINDOW_MS
  for (let n = 0; n < 3; n++) admit(limiter, 'guess', 3, now)
  expect(admitted(limiter, 'guess', now + WINDOW_MS - 1)).toBe(3)
  expect(admitted(limiter, 'guess', now + WINDOW_MS)).toBe(0)
})
