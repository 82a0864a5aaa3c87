/** The first pause, doubling with each try, and the longest. */
const BACKOFF_MS = { first: 500, most: 4_000 }

/** Why a try failed: whether another may help at the same target, only at the next, or nowhere. */
type Failed = { retry: 'same' | 'fallback' | 'never'; retryAfterMs?: number | undefined }

/** Where a search for an answer stands. Targets are numbered in the order in which they are asked. */
type Standing = {
  /** Tries so far, and how many there may be. */
  tries: number
  mostTries: number
  /** The target of the last one. */
  at: number
  /** Of each target how long it may not be asked, in milliseconds; 0 when it may. */
  waitsMs: number[]
  /** Milliseconds in which an answer must have begun. */
  leftMs: number
}

/**
 * Whom to ask next, and after how long; `undefined` when the fault is what the run ends in. Targets are asked in order, and
 * none that was left behind again. As many tries are kept as there are others: the last is the last one's. One that would
 * only repeat its fault, or asks for more patience than there is, is left at once. `chance` is from 0 to 1.
 */
export function nextTry(
  failed: Failed,
  standing: Standing,
  chance: number,
): { at: number; pauseMs: number } | undefined {
  const { tries, mostTries, at, waitsMs, leftMs } = standing
  if (tries >= mostTries || failed.retry === 'never') return undefined
  const others = [...waitsMs.keys()].filter((other) => other > at && waitsMs[other] === 0)
  const pauseMs = failed.retryAfterMs ?? chance * Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** (tries - 1))
  const mayRepeat = failed.retry === 'same' && pauseMs < leftMs && waitsMs[at] === 0
  if (mayRepeat && mostTries - tries > others.length) return { at, pauseMs }
  const [other] = others
  if (other !== undefined) return { at: other, pauseMs: 0 }
  return mayRepeat ? { at, pauseMs } : undefined
}
