import { expect, test } from 'vitest'
import { itemsOf } from '../../src/lib/json-items.ts'
import { hitsOf } from '../../src/lib/search-hits.ts'
import { termsOf } from '../../src/lib/search-terms.ts'
import { cleanTitle } from '../../src/lib/titles.ts'

test('of an endless array ten thousand elements are taken, and one of too many parts is a fault', () => {
  const items = [...itemsOf(`[${'1,'.repeat(20_000)}1]`)]
  expect(items).toHaveLength(10_001)
  expect(items.at(-1)).toMatchObject({ index: 10_000, fault: expect.stringContaining('10000') })
  expect([...itemsOf(`[[${'1,'.repeat(100_001)}1],2]`)]).toMatchObject([{ fault: expect.any(String) }, { text: '2' }])
})

test('of a text that is one word over and over a thousand places are found', () => {
  const { hits, words } = hitsOf('a '.repeat(50_000), termsOf('a'))
  expect([hits.length, words]).toEqual([1_000, 10_000])
})

test('an answer of nothing but quotes is no title', () => {
  expect(cleanTitle('"'.repeat(200_000))).toBe('')
})
