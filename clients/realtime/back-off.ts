const FIRST_MS = 1_000
const MAX_MS = 30_000
const SPREAD_MS = 3_000

/** Milliseconds before try `n + 1`, with full jitter: anything up to `min(30 s, 1 s * 2^n)`. */
export const backOffMs = (n: number): number => Math.random() * Math.min(MAX_MS, FIRST_MS * 2 ** n)

/**
 * Milliseconds until the next connection; undefined: none (docs/realtime.md, "How a socket ends"). `code` is the close
 * code, the HTTP status that refused a ticket, or 0 for no answer; `tries` counts since a connection last held; `afterMs`
 * is what the server asked for.
 */
export function reconnectMs(code: number, tries: number, afterMs = 0): number | undefined {
  if (isFinal(code)) return undefined
  const least = code === 4104 ? MAX_MS : afterMs
  return least + (tries === 0 && isSharedByMany(code) ? Math.random() * SPREAD_MS : backOffMs(tries))
}

const isFinal = (code: number) =>
  code === 1000 || code === 4003 || (code >= 4500 && code < 4600) || (code >= 400 && code < 500 && !isPassing(code))

/** Time-out and rate limit: the only refusals of a ticket that pass by themselves. */
const isPassing = (status: number) => status === 408 || status === 429

/** Crash and restart cut everybody at once; they must not come back at once. */
const isSharedByMany = (code: number) => code === 1006 || code === 1012
