/** A word of a text: where it stands, in UTF-16 units, and how it is compared. */
export type Word = { start: number; end: number; folded: string }

/** A part of a query, and its words, which stand beside each other: `foo-bar` has two. */
export type Term = { text: string; words: string[] }

/** More of a query is not looked at. */
const MAX_TERMS = 10
/** Characters that are a word each, as in the index (migrations/0008): those of Chinese, Japanese and Korean. */
const OWN_WORD = '\\u2e80-\\u9fff\\uac00-\\ud7a3\\uf900-\\ufaff\\u{20000}-\\u{3134a}'
/** What the tokenizer `unicode61` takes for a word, of which it leaves out the accents. */
const WORD = new RegExp(`[${OWN_WORD}]|(?:(?![${OWN_WORD}])[\\p{L}\\p{N}\\p{Co}\\u0300-\\u036f])+`, 'gu')
const EACH_OWN_WORD = new RegExp(`[${OWN_WORD}]`, 'gu')
const IS_WORD = /[\p{L}\p{N}\p{Co}]/u

/** The words of a text, in order. */
export function* wordsOf(text: string): Generator<Word> {
  for (const { index, 0: word } of text.matchAll(WORD)) {
    if (IS_WORD.test(word)) yield { start: index, end: index + word.length, folded: fold(word) }
  }
}

/** The terms of a query, at most ten: what stands between spaces and has a word in it. */
export function termsOf(query: string): Term[] {
  const terms = query
    .split(/[\s\p{Cc}]+/u)
    .map((text) => ({ text, words: [...wordsOf(text)].map(({ folded }) => folded) }))
    .filter(({ words }) => words.length > 0)
  return [...new Map(terms.map((term) => [term.words.join(' '), term])).values()].slice(0, MAX_TERMS)
}

/** Whether a text has all the terms. Of the last one the last word may be the beginning of another: it is still being typed. */
export function startsTerms(text: string, terms: Term[]): boolean {
  const words = [...wordsOf(text)].map(({ folded }) => folded)
  return terms.every((term, nth) => {
    const isLast = (at: number) => nth === terms.length - 1 && at === term.words.length - 1
    const stands = (from: number) =>
      term.words.every((word, at) => (isLast(at) ? words[from + at]?.startsWith(word) : words[from + at] === word))
    return words.some((_, from) => stands(from))
  })
}

/** An expression of FTS5 that wants all the terms. Each is a quoted text, so nothing in it is an operator. */
export const toMatch = (terms: Term[]): string =>
  terms.map(({ text }) => `"${text.replaceAll('"', ' ').replace(EACH_OWN_WORD, ' $& ')}"`).join(' ')

/** Without case and accents: `Éa` is `ea`. */
const fold = (word: string): string =>
  /^[\x21-\x7e]*$/.test(word)
    ? word.toLowerCase()
    : // Back together, as a syllable of Korean comes apart.
      word
        .normalize('NFD')
        .replace(/[\u0300-\u036f]/g, '')
        .normalize('NFC')
        .toLowerCase()
