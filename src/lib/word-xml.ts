/** A tag with the text after it. Each part stops at the next `<`, so that no input takes the square of its length. */
const TAG = /<(\/?)(?:[\w.-]+:)?(\w+)([^<>]*)>([^<]*)/g

/** Text that is there twice (text boxes, moved paragraphs), and tab stops, which are no tabs. */
const LEFT_OUT = new Set(['Fallback', 'moveFrom', 'tabs'])

const BREAKS: Record<string, string> = { tab: '\t', ptab: '\t', br: '\n', cr: '\n', noBreakHyphen: '\u2011' }

/**
 * The text of word/document.xml (ECMA-376, part 1, 17.3): a line for each paragraph and table row, tabs between cells. Goes by
 * local names, as not every writer calls the namespace `w`; knows no DTD, so that nothing expands. Stops soon after
 * `maxCharacters`.
 */
export function textOfWordXml(xml: string, maxCharacters: number): string {
  const pieces: string[] = []
  let length = 0
  let leftOut = 0
  for (const [, slash, name = '', attributes = '', after = ''] of xml.matchAll(TAG)) {
    const isEmpty = attributes.endsWith('/')
    const ends = slash === '/' || isEmpty
    if (LEFT_OUT.has(name)) {
      if (!isEmpty) leftOut = Math.max(0, leftOut + (slash ? -1 : 1))
    } else if (leftOut > 0) {
    } else if (name === 't' && !ends) pieces.push(unescaped(after))
    else if (name === 'p' && ends) pieces.push('\n')
    else if (name === 'tc' && ends) replaceEnd(pieces, '\n', '\t')
    else if (name === 'tr' && ends) replaceEnd(pieces, '\t', '\n')
    else if (Object.hasOwn(BREAKS, name) && !slash) pieces.push(BREAKS[name]!)
    else continue
    length += after.length + 1
    if (length > maxCharacters) break
  }
  return pieces.join('')
}

const replaceEnd = (pieces: string[], old: string, piece: string) =>
  pieces.splice(pieces.at(-1) === old ? -1 : pieces.length, 1, piece)

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** What is no character, or an entity of a DTD, becomes U+FFFD. */
const unescaped = (text: string) =>
  text.replace(/&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w{1,32}));/gi, (_, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? '\uFFFD'
    const code = hex ? Number.parseInt(hex, 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : '\uFFFD'
  })
