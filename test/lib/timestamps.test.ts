import { expect, test } from 'vitest'
import { toTimestamp } from '../../src/lib/timestamps.ts'

const MOST = 8_640_000_000_000_000

test('a timestamp is what Date writes, for any time there is', () => {
  const edges = [0, -1, 1, 999, 1_000, 86_399_999, 86_400_000, -86_400_000, 253_402_300_800_000, MOST, -MOST, 1.9, -1.9]
  // Over two hundred years, a prime number of milliseconds apart.
  const many = Array.from({ length: 5_000 }, (_, n) => n * 1_283_718_313 - 2e12)
  for (const ms of [...edges, ...many]) {
    expect(toTimestamp(ms)).toBe(new Date(ms).toISOString())
    expect(toTimestamp(new Date(ms))).toBe(new Date(ms).toISOString())
  }
})

test('no time is no timestamp, and what is none fails and spoils nothing', () => {
  expect(toTimestamp(null)).toBeNull()
  const now = Date.now()
  expect(() => toTimestamp(Number.NaN)).toThrow(RangeError)
  expect(() => toTimestamp(MOST + 1)).toThrow(RangeError)
  expect(toTimestamp(now)).toBe(new Date(now).toISOString())
})
