/** A value inside a larger JSON text, not parsed yet: it costs no memory but its own. */
export type JsonItem = { index: number; text: string } | { index: number; fault: string }

/** Bounds of one value, within which it takes tens of megabytes when it is parsed. JSON.parse has none of its own. */
const MAX_DEPTH = 64
const MAX_MARKS = 100_000
/** Elements of an array that are looked at: each is checked and told of. */
const MAX_ITEMS = 10_000

const QUOTE = 0x22
const COMMA = 0x2c
const OPENING = new Set([0x5b, 0x7b])
const CLOSING = new Set([0x5d, 0x7d])

/**
 * The elements of a JSON array, one after the other. One that is too deep or has too many parts is a fault and not a
 * text; so are the end of a text that breaks off, and what comes after ten thousand elements. Nothing for a text that is no array.
 */
export function* itemsOf(text: string): Generator<JsonItem> {
  const opening = /^\s*\[\s*(\]\s*$)?/.exec(text)
  if (!opening || opening[1]) return
  let at = opening[0].length
  for (let index = 0; ; index++) {
    if (index === MAX_ITEMS)
      return yield { index, fault: `More than ${MAX_ITEMS} elements: this one and the rest are left` }
    const { end, fault } = scan(text, at)
    if (end >= text.length) return yield { index, fault: 'The file breaks off here' }
    yield fault ? { index, fault } : { index, text: text.slice(at, end) }
    if (text.charCodeAt(end) !== COMMA) return
    at = end + 1
  }
}

/**
 * A parsed text, or why it is none. Its own words, as those of the parser quote the text.
 * @throws never
 */
export function boundedParse(text: string): { value: unknown } | { fault: string } {
  const { fault } = scan(text, 0)
  if (fault) return { fault }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { fault: 'Not valid JSON' }
  }
}

/** Where a value ends: at the comma or the bracket after it, or where the text does. */
function scan(text: string, from: number): { end: number; fault?: string } {
  let depth = 0
  let deepest = 0
  let marks = 0
  let at = from
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = closingQuote(text, at)
    else if (OPENING.has(unit)) deepest = Math.max(deepest, ++depth)
    else if (CLOSING.has(unit) && --depth < 0) break
    else if (unit === COMMA && depth === 0) break
    else if (unit === COMMA) marks += 1
  }
  if (deepest > MAX_DEPTH) return { end: at, fault: `Nested more than ${MAX_DEPTH} levels deep` }
  if (marks > MAX_MARKS) return { end: at, fault: `More than ${MAX_MARKS} parts` }
  return { end: at }
}

/** The end of the text, where there is none. */
function closingQuote(text: string, opening: number): number {
  for (let at = text.indexOf('"', opening + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (text.charCodeAt(at - 1 - escapes) === 0x5c) escapes += 1
    if (escapes % 2 === 0) return at
  }
  return text.length
}
