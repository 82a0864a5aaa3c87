import { expect, test } from 'vitest'
import { codePoints, composed, isEmoji, mentionedNames } from '../../src/lib/channel-text.ts'
import { startsTerms, termsOf } from '../../src/lib/search-terms.ts'

test('names stand after an @ at the beginning of a word, and not in code', () => {
  for (const [text, names] of [
    ['@ada', ['ada']],
    ['Hi @Ada, @bob.', ['ada', 'bob.', 'bob']],
    ['(@ada) "@bob" @ada', ['ada', 'bob']],
    ['@ada.b_c-d', ['ada.b_c-d']],
    ['ada@example.com x/@ada @@ada', []],
    ['`@ada` ```\n@bob\n``` @eve', ['eve']],
    ['``` @ada', ['ada']],
    ['`@ada\n@bob`', ['ada', 'bob']],
    ['日本@ada', []],
    ['日本 @ada', ['ada']],
    ['@-ada @ ada', []],
  ] as const) {
    expect([text, mentionedNames(text)]).toEqual([text, names])
  }
})

test('of many names twenty are looked at, and of much text the time is bounded', () => {
  const text = Array.from({ length: 100 }, (_, n) => `@user${n}`).join(' ')
  expect(mentionedNames(text)).toHaveLength(20)
  const startedAt = performance.now()
  for (const hostile of ['`'.repeat(4_000), '@'.repeat(4_000), '``` '.repeat(1_000), '@a.'.repeat(1_300)])
    mentionedNames(hostile)
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})

test('text is composed with line ends of one kind, and counted in characters', () => {
  expect(composed('e\u0301\r\n\r')).toBe('é\n\n')
  expect([codePoints('👋é'), codePoints('')]).toEqual([2, 0])
})

test('an emoji is one emoji, or a name between colons', () => {
  expect(['👍', '❤️', '🇩🇪', '👩‍👩‍👧', '1️⃣', ':a_1+-:'].map(isEmoji)).toEqual(Array(6).fill(true))
  expect(
    ['', 'a', '1', '👍 ', '👍👎', ':A:', ':', '🇩', '1\ufe0f', `:${'a'.repeat(32)}:`].map(isEmoji).filter(Boolean),
  ).toHaveLength(0)
})

test('a name is found by its words, the last of them by its beginning', () => {
  const fits = (query: string) => startsTerms('Café Zürich, 東京駅 foo-bar', termsOf(query))
  for (const query of ['', 'cafe', 'CAFÉ zur', '東京', '京駅', 'foo-b', 'bar', 'zürich f'])
    expect([query, fits(query)]).toEqual([query, true])
  for (const query of ['afe', 'caf zurich', '京東', 'bar-foo', 'cafe london'])
    expect([query, fits(query)]).toEqual([query, false])
})
