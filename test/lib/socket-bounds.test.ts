import { expect, test, vi } from 'vitest'
import { LastWord } from '../../src/features/sockets/last-word.ts'
import { Openings } from '../../src/features/sockets/openings.ts'
import { OUT_RATE, Outflow } from '../../src/lib/credit.ts'

test('what goes out is bounded by time, whatever is confirmed', () => {
  const outflow = new Outflow(OUT_RATE, 0)
  outflow.add(OUT_RATE.burst - 1, 0)
  expect(outflow.waitMs(0)).toBe(0)
  outflow.add(OUT_RATE.perSecond, 0)
  const waitMs = outflow.waitMs(0)
  expect(waitMs).toBeGreaterThan(990)
  expect(waitMs).toBeLessThan(1_010)
  expect(outflow.waitMs(waitMs)).toBe(0)
  // However long nothing is sent, no more than the burst goes at once.
  outflow.add(OUT_RATE.burst, 3_600_000)
  expect(outflow.waitMs(3_600_000)).toBeGreaterThan(0)
})

test('thirty sockets are opened at once, and one a second after it', () => {
  const openings = new Openings()
  const allowed = (count: number, now: number) =>
    Array.from({ length: count }, () => openings.allows('ada', now)).filter(Boolean).length
  expect(allowed(100, 0)).toBe(30)
  expect(allowed(100, 2_000)).toBe(2)
  expect(openings.allows('bob', 2_000)).toBe(true)
})

test('of what is wanted again and again the first is done at once, and then the last of each second', () => {
  vi.useFakeTimers()
  const done: string[] = []
  const words = new LastWord<object, string>(1_000, (_, what) => done.push(what))
  const ada = {}
  for (const what of ['a', 'b', 'c']) words.say(ada, what)
  expect(done).toEqual(['a'])
  vi.advanceTimersByTime(1_000)
  expect(done).toEqual(['a', 'c'])
  words.say(ada, 'd')
  vi.advanceTimersByTime(2_000)
  words.say(ada, 'e')
  expect(done).toEqual(['a', 'c', 'd', 'e'])
  vi.useRealTimers()
})
