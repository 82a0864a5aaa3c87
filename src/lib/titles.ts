const MAX_LENGTH = 60

/** A title for what begins with this text: its first line, cut at 60 characters. */
export function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0]!
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 1).toWellFormed()}…` : line
}
