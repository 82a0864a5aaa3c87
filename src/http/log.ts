import { constraintOf } from '../db/failures.ts'
import { toTimestamp } from '../lib/timestamps.ts'

/** One JSON line per entry. Never in one: bodies, text, tokens, hashes of passwords, emails, addresses, query strings. */
export type Log = (level: 'info' | 'warn' | 'error', event: string, fields?: LogFields) => void

export type LogFields = Record<string, string | number | boolean | null | undefined>

/** A log whose lines all carry `fixed`. JSON escapes line breaks, so no value can forge a line. */
export const openLog =
  (fixed: LogFields): Log =>
  (level, event, fields) => {
    const line = JSON.stringify({ ts: toTimestamp(Date.now()), level, event, ...fixed, ...fields })
    if (level === 'error') console.error(line)
    else if (level === 'warn') console.warn(line)
    else console.log(line)
  }

/** What may be logged of a thrown value: its class and where it was thrown, not its message, which may hold data. */
export function describeError(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error }
  const cause = error.cause instanceof Error ? error.cause.name : undefined
  return { error: error.name, cause, constraint: constraintOf(error), at: framesOf(error) }
}

/** The stack begins with the message, which may have lines that look like frames. */
function framesOf({ stack = '', message }: Error): string {
  const after = stack.indexOf(message) + message.length
  const frames = stack.slice(after).matchAll(/^\s+at (.{1,200}:\d+:\d+\)?)$/gm)
  return [...frames]
    .slice(0, 4)
    .map(([, frame]) => frame)
    .join(' < ')
}
