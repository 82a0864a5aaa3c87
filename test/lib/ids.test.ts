import { expect, test } from 'vitest'
import { z } from 'zod'
import { cellOf, newId, newIdIn } from '../../src/lib/ids.ts'

test('ids made one after the other sort in that order, also within a millisecond and when the clock goes back', () => {
  const now = Date.now()
  const ids = [...Array(5_000).keys()].map((n) => newId(n % 7 === 0 ? now - 1_000 : now))
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})

test('an id is a UUID of version 7 that carries its time', () => {
  const later = Date.now() + 60_000
  const id = newId(later)
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(later)
})

test('an id tells its cell, is a UUID all the same, and sorts by its time', () => {
  const ids = [0, 1, 17, 40_000, 0].map(newIdIn)
  expect(ids.map(cellOf)).toEqual([0, 1, 17, 40_000, 0])
  expect(ids.map((id) => id[14])).toEqual(['7', '8', '8', '8', '7'])
  expect(ids.map((id) => id.replace(/^(.{14})8/, '$17'))).toEqual(
    ids.map((id) => id.replace(/^(.{14})8/, '$17')).toSorted(),
  )
  for (const id of ids) expect(z.uuid().safeParse(id).success).toBe(true)
})
