const MAX_LENGTH = 60
/** More of an answer than this holds no better title, in characters. */
const MAX_ANSWER = 1_000

/** A title for what begins with this text: its first line, cut at 60 characters. */
export function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0]!
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 1).toWellFormed()}…` : line
}

/** What a model answered to being asked for a title, as one: its first line without markup; empty when there is none in it. */
export const cleanTitle = (answer: string): string =>
  titleOf(
    answer
      .slice(0, MAX_ANSWER)
      .replace(/\p{Cc}+/gu, '\n')
      .replace(/^\s*(?:#+\s*)?(?:title\s*:\s*)?/i, '')
      .split('\n', 1)[0]!
      .replace(/^["'“”«*`]+|["'“”»*`.]+$/g, ''),
  )
