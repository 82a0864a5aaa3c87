const LINE_END = /\r\n?|[\f\v\x85\u2028\u2029]/g
const NOT_TEXT = /(?![\t\n])[\p{Cc}\p{Cs}]/gu

/**
 * Text of any origin as it is stored and sent: `\n` at line ends, neither control characters nor lone surrogates, no spaces
 * at the ends of lines, two blank lines in a row at the most.
 */
export const toPlainText = (raw: string): string =>
  raw
    .replace(LINE_END, '\n')
    .replace(NOT_TEXT, '')
    // Not /\s+$/gm, which takes the square of a run of spaces.
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{4,}/g, '\n\n\n')
    .trim()

/** The first `maxCharacters` UTF-16 units; no character is cut in two. */
export const cutText = (text: string, maxCharacters: number): string =>
  text.slice(0, maxCharacters).replace(/\p{Cs}$/u, '')
