import { RecentMap } from './recent-map.ts'

/** `failureThreshold` failures in a row open it, for `openMs`; it knows at most so many servers. */
type Settings = { failureThreshold: number; openMs: number; most: number }

/** What a call says of its server; `ignored` when it never got there, or was ended by us. */
export type CallOutcome = 'success' | 'failure' | 'ignored'

/** `openUntil` is 0 while it is closed, and in the past when it is half-open; times are Unix milliseconds. */
type State = { failures: number; openUntil: number }

/**
 * Spares servers that fail, each on its own: after so many failures in a row it is open, and the server is not called for a
 * while; then it is half-open, and one call, the probe, decides. A probe of which nothing is heard stands in the way of the next
 * no longer than a failure would.
 */
export class CircuitBreaker {
  readonly #settings: Settings
  readonly #states: RecentMap<State>

  constructor(settings: Settings) {
    this.#settings = settings
    this.#states = new RecentMap(settings.most)
  }

  /** Servers of which something is known. */
  get size(): number {
    return this.#states.size
  }

  /** For how many milliseconds a server is not to be called; 0 when it may be. */
  waitMs(server: string, now: number): number {
    return Math.max(0, (this.#states.get(server)?.openUntil ?? 0) - now)
  }

  /** It is called now; gives whether this is the probe, during which nobody else calls. */
  beginCall(server: string, now: number): boolean {
    const state = this.#states.get(server)
    const isHalfOpen = state !== undefined && state.openUntil !== 0 && state.openUntil <= now
    if (isHalfOpen) state.openUntil = now + this.#settings.openMs
    return isHalfOpen
  }

  /** What came of the call. */
  record(server: string, outcome: CallOutcome, wasProbe: boolean, now: number): void {
    const state = this.#states.get(server) ?? { failures: 0, openUntil: 0 }
    if (outcome === 'success') this.#states.delete(server)
    // Another probe may be made at once.
    else if (outcome === 'ignored' && wasProbe) state.openUntil = now
    else if (outcome === 'failure') {
      state.failures += 1
      if (state.failures >= this.#settings.failureThreshold) state.openUntil = now + this.#settings.openMs
      this.#states.set(server, state)
    }
  }
}
