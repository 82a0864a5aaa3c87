import { expect, test } from 'vitest'
import { hitsOf, scoreOf, snippetOf } from '../../src/lib/search-hits.ts'
import { termsOf, toMatch } from '../../src/lib/search-terms.ts'

const found = (text: string, query: string) => {
  const { hits } = hitsOf(text, termsOf(query))
  const snippet = snippetOf(text, hits)
  return { snippet, marked: snippet.highlights.map(([from, to]) => snippet.text.slice(from, to)) }
}

test('a query is words in quotes, whatever stands in it', () => {
  expect(toMatch(termsOf('Walk  walk PARIS'))).toBe('"walk" "PARIS"')
  expect(toMatch(termsOf('a" OR owner:"b NEAR(x* -y \0z'))).toBe('"a " "OR" "owner: b" "NEAR(x*" "-y" "z"')
  expect(termsOf('  "" - :*() \0 \u200d 🙂 ')).toEqual([])
  expect(termsOf('a b c d e f g h i j k l')).toHaveLength(10)
})

test('words are found without case and accents, in whatever script', () => {
  expect(found('Café CRÈME, s’il vous plaît', 'cafe creme PLAIT').marked).toEqual(['Café', 'CRÈME', 'plaît'])
  expect(found('Cafe\u0301 noir', 'café').marked).toEqual(['Cafe\u0301'])
  expect(found('我喜欢东京', '东京').marked).toEqual(['东京'])
  expect(found('서울에서 살아요', '서울').marked).toEqual(['서울'])
  expect(found('foo-bar and foo, then bar', 'foo-bar').marked).toEqual(['foo-bar'])
  expect(found('no foo', 'foobar').marked).toEqual([])
})

test('a snippet is the part with the most words in it, cut between characters', () => {
  const text = `paris ${'x '.repeat(300)}a walk\nin paris ${'👋'.repeat(300)}`
  const { snippet, marked } = found(text, 'walk paris')
  expect(marked).toEqual(['walk', 'paris'])
  expect(snippet.text).toMatch(/^….*a walk in paris 👋+…$/u)
  expect([snippet.text.isWellFormed(), snippet.text.length <= 202]).toEqual([true, true])
  const unbroken = found('y'.repeat(500), 'z').snippet
  expect(unbroken).toEqual({ text: `${'y'.repeat(200)}…`, highlights: [] })
  expect(found(`${'👋'.repeat(301)}x`, 'x').snippet.text.isWellFormed()).toBe(true)
})

test('what has a word more often, or in less text, has the better score', () => {
  const score = (text: string) => scoreOf(hitsOf(text, termsOf('paris')), termsOf('paris'))
  expect(score('paris')).toBeLessThan(score('paris paris'))
  expect(score('paris and much more'.repeat(30))).toBeLessThan(score('paris '.repeat(120)))
  expect(score(`paris ${'and '.repeat(100)}`)).toBeLessThan(score('paris'))
})

test('a text that is one word over and over is looked through in little time', () => {
  const text = 'paris walk '.repeat(20_000)
  const before = performance.now()
  found(text, 'paris walk')
  expect(performance.now() - before).toBeLessThan(2_000)
})
