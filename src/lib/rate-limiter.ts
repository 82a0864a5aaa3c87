/** Fixed windows, aligned to the epoch so that all isolates agree on them. */
export const WINDOW_MS = 60_000
/** Merges of one isolate begin so far apart at least. */
export const MERGE_MS = 5_000

/** Subjects of one window. When there are more, the half that was seen least is forgotten. */
const MAX_OWN = 10_000
/** The busiest subjects are what the other isolates are told of. */
const MAX_TOLD = 1_000
/** Subjects of all other isolates together; further ones are not taken in. */
const MAX_OTHERS = 100_000

/** How often each subject was let in. */
export type Counts = Map<string, number>

/** What an isolate knows of the current window. Times are milliseconds since 1970. */
export type Limiter = {
  window: number
  own: Counts
  /** Sums over the other isolates as far as they are known. They only lag behind. */
  others: Counts
  /** `own` has something that the others were not told. */
  isNews: boolean
  mergedAt: number
  /** When the merge begins that somebody has undertaken to make. */
  claim: number | undefined
}

/** The answer to one request, in the terms of draft-ietf-httpapi-ratelimit-headers. */
export type Verdict = {
  isAdmitted: boolean
  limit: number
  remaining: number
  /** Seconds until more are let in, rounded up. */
  resetS: number
}

/** What is exchanged in one merge: the counts to tell, if they are news, and of which window. */
export type Merge = { window: number; told?: Counts }

export const newLimiter = (): Limiter => ({
  window: 0,
  own: new Map(),
  others: new Map(),
  isNews: false,
  mergedAt: Number.NEGATIVE_INFINITY,
  claim: undefined,
})

/**
 * Lets a request of `subject` in while own count and known count of the others are below `limit`, and counts it. One that
 * is refused is not counted.
 */
export function admit(limiter: Limiter, subject: string, limit: number, now: number): Verdict {
  enterWindow(limiter, now)
  const own = limiter.own.get(subject) ?? 0
  const left = limit - own - (limiter.others.get(subject) ?? 0)
  if (left > 0) {
    if (own === 0 && limiter.own.size >= MAX_OWN) limiter.own = busiest(limiter.own, MAX_OWN / 2)
    limiter.own.set(subject, own + 1)
    limiter.isNews = true
  }
  const resetS = Math.ceil((limiter.window + WINDOW_MS - now) / 1_000)
  return { isAdmitted: left > 0, limit, remaining: Math.max(0, left - 1), resetS }
}

/** How many requests of `subject` this isolate let in, in the window of `now`. */
export function admitted(limiter: Limiter, subject: string, now: number): number {
  enterWindow(limiter, now)
  return limiter.own.get(subject) ?? 0
}

/**
 * Refuses after all a request that was let in. It may come again when the window is over, and `seconds` at the earliest: by
 * then another isolate may know that the limit is reached, and nobody is to be refused twice in a row.
 */
export function takeBack(limiter: Limiter, subject: string, verdict: Verdict, seconds: number): Verdict {
  const own = limiter.own.get(subject) ?? 0
  if (own > 0) limiter.own.set(subject, own - 1)
  return { ...verdict, isAdmitted: false, remaining: 0, resetS: Math.max(seconds, verdict.resetS) }
}

/**
 * The time at which the caller has to begin a merge, which may be now; `undefined` when somebody else is going to. A claim
 * whose time has come is open again: its holder may have died.
 */
export function claimMerge(limiter: Limiter, now: number): number | undefined {
  if (limiter.claim !== undefined && now < limiter.claim) return undefined
  // When the clock was set back, the last merge seems to be in the future: nobody waits for that.
  limiter.claim = Math.max(now, Math.min(limiter.mergedAt, now) + MERGE_MS)
  return limiter.claim
}

/** Begins the claimed merge; `undefined` when somebody else has, or when nobody was counted yet. */
export function beginMerge(limiter: Limiter, claim: number, now: number): Merge | undefined {
  if (limiter.claim !== claim) return undefined
  enterWindow(limiter, now)
  limiter.claim = undefined
  limiter.mergedAt = Math.max(claim, now)
  if (limiter.own.size === 0) return undefined
  const told = limiter.isNews ? busiest(limiter.own, MAX_TOLD) : undefined
  limiter.isNews = false
  return { window: limiter.window, told }
}

/** Takes in how a merge went: whether what was told arrived, and what each of the others had told. */
export function endMerge(limiter: Limiter, { window }: Merge, arrived: boolean, heard: Counts[]): void {
  if (window !== limiter.window) return
  if (!arrived) limiter.isNews = true
  const sums: Counts = new Map()
  for (const [subject, count] of heard.flatMap((counts) => [...counts])) {
    if (sums.size < MAX_OTHERS || sums.has(subject)) sums.set(subject, (sums.get(subject) ?? 0) + count)
  }
  for (const [subject, count] of sums) {
    // Counts only grow in a window, so a smaller sum is an older one, or one that lacks somebody.
    const known = limiter.others.get(subject) ?? 0
    if (count > known && (known > 0 || limiter.others.size < MAX_OTHERS)) limiter.others.set(subject, count)
  }
}

/** A request that began shortly before the current window is counted in it. */
function enterWindow(limiter: Limiter, now: number): void {
  const window = now - (now % WINDOW_MS)
  if (window === limiter.window || window === limiter.window - WINDOW_MS) return
  // Back by more than that: the clock was set, and no earlier time means anything.
  if (window < limiter.window) Object.assign(limiter, newLimiter())
  Object.assign(limiter, { window, own: new Map(), others: new Map(), isNews: false })
}

const busiest = (counts: Counts, n: number): Counts => new Map([...counts].sort(([, a], [, b]) => b - a).slice(0, n))
