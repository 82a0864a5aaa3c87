import { type Term, type Word, wordsOf } from './search-terms.ts'

/** Where a term stands in a text, in UTF-16 units. */
export type Hit = { term: number; start: number; end: number }

/** A part of a text, as plain text. `highlights` are places in it, in UTF-16 units: from, and up to but without. */
export type Snippet = { text: string; highlights: [number, number][] }

const SNIPPET = 200
/** Text before the first hit of a snippet. */
const LEAD = 40
const MAX_HIGHLIGHTS = 50
/** More hits of one text than this make it neither fit better nor its snippet. */
const MAX_HITS = 1_000
/** Words of one text that are looked at. */
const MAX_WORDS = 10_000

/** The places of all terms in a text, in order, and how many words it has; of a very long one, in its beginning. */
export function hitsOf(text: string, terms: Term[]): { hits: Hit[]; words: number } {
  const words: Word[] = []
  for (const word of wordsOf(text)) {
    if (words.length === MAX_WORDS) break
    words.push(word)
  }
  const starting = Map.groupBy(terms.keys(), (at) => terms[at]!.words[0]!)
  const stands = ({ words: wanted }: Term, at: number) => wanted.every((word, nth) => words[at + nth]?.folded === word)
  const hits: Hit[] = []
  for (const [at, { folded, start }] of words.entries()) {
    if (hits.length >= MAX_HITS) break
    const found = (starting.get(folded) ?? []).filter((term) => stands(terms[term]!, at))
    hits.push(...found.map((term) => ({ term, start, end: endOf(words, at, terms[term]!) })))
  }
  return { hits, words: words.length }
}

const endOf = (words: Word[], at: number, term: Term) => words[at + term.words.length - 1]!.end

/**
 * How well a text fits, from 0 to the number of terms: how often each is in it, against how long it is. It depends on
 * nothing else, so the same text has the same score on every page.
 */
export function scoreOf({ hits, words }: { hits: Hit[]; words: number }, terms: Term[]): number {
  const frequencies = terms.map((_, term) => hits.filter((hit) => hit.term === term).length)
  const score = frequencies.reduce((sum, n) => sum + n / (n + 1 + words / 100), 0)
  return Math.round(score * 10_000) / 10_000
}

/** The part of a text with the most different terms in it, the first such; the beginning when there is none. */
export function snippetOf(text: string, hits: Hit[]): Snippet {
  const first = hits[0]
  const richness = (from: Hit) =>
    new Set(
      hits.filter((hit) => hit.start >= from.start && hit.end <= from.start + SNIPPET - LEAD).map((hit) => hit.term),
    ).size
  const best = hits.slice(0, 100).reduce((found, hit) => (richness(hit) > richness(found) ? hit : found), first!)
  const from = best ? beginning(text, best.start) : 0
  const to = wholeUntil(text, Math.min(text.length, from + SNIPPET))
  const before = from > 0 ? '…' : ''
  const shift = before.length - from
  const highlights = hits
    .filter((hit) => hit.start >= from && hit.end <= to)
    .slice(0, MAX_HIGHLIGHTS)
    .map((hit): [number, number] => [hit.start + shift, hit.end + shift])
  // One space for one character, so that the places stay right.
  const part = text.slice(from, to).replace(/\s/g, ' ')
  return { text: `${before}${part}${to < text.length ? '…' : ''}`, highlights: merged(highlights) }
}

/** A place a little before `at`, after a space where there is one. */
function beginning(text: string, at: number): number {
  if (at <= LEAD) return 0
  const space = text.slice(at - LEAD, at).search(/\s\S/)
  return space === -1 ? wholeUntil(text, at - LEAD) : at - LEAD + space + 1
}

/** Never between the halves of a character. */
const wholeUntil = (text: string, at: number) => (/[\udc00-\udfff]/.test(text[at] ?? '') ? at - 1 : at)

/** Places that touch or overlap as one: two terms may find the same word. */
function merged(places: [number, number][]): [number, number][] {
  const result: [number, number][] = []
  for (const [start, end] of places) {
    const last = result.at(-1)
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else result.push([start, end])
  }
  return result
}
