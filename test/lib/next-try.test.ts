import { expect, test } from 'vitest'
import { nextTry } from '../../src/features/runs/next-try.ts'

const standing = { tries: 1, mostTries: 3, at: 0, waitsMs: [0, 0], leftMs: 10_000 }
const next = (retry: 'same' | 'fallback' | 'never', more: Partial<typeof standing> = {}, retryAfterMs?: number) =>
  nextTry({ retry, retryAfterMs }, { ...standing, ...more }, 0.5)

test('a target is asked again after a growing pause, and the last try is that of the last target', () => {
  expect(next('same')).toEqual({ at: 0, pauseMs: 250 })
  expect(next('same', { tries: 2 })).toEqual({ at: 1, pauseMs: 0 })
  expect(next('same', { tries: 2, waitsMs: [0] })).toEqual({ at: 0, pauseMs: 500 })
  expect(next('same', { tries: 30, mostTries: 40, waitsMs: [0] })).toEqual({ at: 0, pauseMs: 2_000 })
  expect(next('same', { tries: 3 })).toBe(undefined)
})

test('several targets are asked in order, each at least once if there are tries for it', () => {
  const waitsMs = [0, 0, 0]
  expect(next('same', { waitsMs })).toEqual({ at: 1, pauseMs: 0 })
  expect(next('same', { waitsMs, at: 1, tries: 2 })).toEqual({ at: 2, pauseMs: 0 })
  expect(next('same', { waitsMs, mostTries: 4 })).toEqual({ at: 0, pauseMs: 250 })
  expect(next('same', { waitsMs: [0, 0, 0, 0, 0] })).toEqual({ at: 1, pauseMs: 0 })
  expect(next('same', { waitsMs, at: 2, tries: 2 })).toEqual({ at: 2, pauseMs: 500 })
})

test('a target that would repeat its fault is left at once, and never asked again', () => {
  expect(next('fallback')).toEqual({ at: 1, pauseMs: 0 })
  expect(next('fallback', { at: 1 })).toBe(undefined)
  expect(next('never')).toBe(undefined)
})

test('patience is kept where there is time for it, and else somebody else is asked', () => {
  expect(next('same', {}, 9_999)).toEqual({ at: 0, pauseMs: 9_999 })
  expect(next('same', {}, 10_000)).toEqual({ at: 1, pauseMs: 0 })
  expect(next('same', { at: 1 }, 10_000)).toBe(undefined)
  expect(next('same', { leftMs: -1 }, 0)).toEqual({ at: 1, pauseMs: 0 })
})

test('a target that may not be asked is passed over', () => {
  expect(next('fallback', { waitsMs: [0, 5, 0] })).toEqual({ at: 2, pauseMs: 0 })
  expect(next('same', { waitsMs: [5, 0] })).toEqual({ at: 1, pauseMs: 0 })
  expect(next('same', { waitsMs: [5, 5] })).toBe(undefined)
  // One more try is its own when nobody else may be asked.
  expect(next('same', { tries: 2, waitsMs: [0, 5] })).toEqual({ at: 0, pauseMs: 500 })
})
