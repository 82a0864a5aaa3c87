import { expect, test } from 'vitest'
import { CircuitBreaker } from '../../src/lib/circuit-breaker.ts'
import { RecentMap } from '../../src/lib/recent-map.ts'

const open = (most = 10) => new CircuitBreaker({ failureThreshold: 5, openMs: 15_000, most })
const fail = (breaker: CircuitBreaker, times: number, now: number, server = 'a') => {
  for (let n = 0; n < times; n++) breaker.record(server, 'failure', breaker.beginCall(server, now), now)
}

test('five failures in a row open it for fifteen seconds', () => {
  const breaker = open()
  fail(breaker, 4, 1_000)
  expect(breaker.waitMs('a', 1_000)).toBe(0)
  breaker.record('a', 'success', false, 1_000)
  fail(breaker, 4, 2_000)
  expect(breaker.waitMs('a', 2_000)).toBe(0)
  fail(breaker, 1, 3_000)
  expect(breaker.waitMs('a', 3_000)).toBe(15_000)
  expect(breaker.waitMs('a', 17_999)).toBe(1)
  expect(breaker.waitMs('a', 18_000)).toBe(0)
  expect(breaker.waitMs('b', 3_000)).toBe(0)
})

test('what says nothing of the server neither counts nor breaks the row', () => {
  const breaker = open()
  fail(breaker, 4, 1_000)
  breaker.record('a', 'ignored', false, 1_000)
  expect(breaker.waitMs('a', 1_000)).toBe(0)
  fail(breaker, 1, 1_000)
  breaker.record('a', 'ignored', false, 2_000)
  expect(breaker.waitMs('a', 2_000)).toBe(14_000)
})

test('when the time is up it is half-open, and one probe decides', () => {
  const breaker = open()
  fail(breaker, 5, 0)
  expect(breaker.beginCall('a', 15_000)).toBe(true)
  expect(breaker.waitMs('a', 15_001)).toBe(14_999)
  breaker.record('a', 'failure', true, 16_000)
  expect(breaker.waitMs('a', 16_000)).toBe(15_000)
  expect(breaker.beginCall('a', 31_000)).toBe(true)
  breaker.record('a', 'success', true, 31_500)
  expect(breaker.waitMs('a', 31_500)).toBe(0)
  fail(breaker, 4, 32_000)
  expect(breaker.waitMs('a', 32_000)).toBe(0)
})

test('after a probe that told nothing comes the next, at once or when it is overdue', () => {
  const breaker = open()
  fail(breaker, 5, 0)
  expect(breaker.beginCall('a', 15_000)).toBe(true)
  breaker.record('a', 'ignored', true, 15_500)
  expect(breaker.waitMs('a', 15_500)).toBe(0)
  expect(breaker.beginCall('a', 15_500)).toBe(true)
  expect(breaker.waitMs('a', 20_000)).toBe(10_500)
  expect(breaker.beginCall('a', 30_500)).toBe(true)
})

test('it remembers a bounded number of servers, and forgets who was heard of the longest ago', () => {
  const breaker = open(2)
  fail(breaker, 5, 0, 'a')
  fail(breaker, 5, 0, 'b')
  expect(breaker.waitMs('a', 1)).toBeGreaterThan(0)
  fail(breaker, 1, 0, 'c')
  expect(breaker.size).toBe(2)
  expect([breaker.waitMs('a', 1) > 0, breaker.waitMs('b', 1)]).toEqual([true, 0])
  breaker.record('c', 'success', false, 1)
  breaker.record('d', 'success', false, 1)
  expect(breaker.size).toBe(1)
})

test('a map of recent things drops what was used the longest ago', () => {
  const map = new RecentMap<number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.get('a')
  map.set('c', 3)
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2])
  map.set('c', 4)
  expect([map.get('a'), map.get('c')]).toEqual([1, 4])
  map.deleteWhere((value) => value > 3)
  expect([map.get('a'), map.get('c'), map.size]).toEqual([1, undefined, 1])
})
