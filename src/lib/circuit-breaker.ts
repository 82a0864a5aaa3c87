import { RecentMap } from './recent-map.ts'

/** `faults` in a row open it, for `openMs`; it knows at most so many servers. */
type Settings = { faults: number; openMs: number; most: number }

/** What a call says of its server; `unknown` when it never got there, or was ended by us. */
export type Health = 'well' | 'ill' | 'unknown'

/** `until` is when it may be asked again, 0 for a server that nothing is held against yet; times are Unix milliseconds. */
type State = { faults: number; until: number }

/**
 * Spares servers that fail: after so many faults in a row one is not asked for a while, then once, and that probe decides.
 * A probe of which nothing is heard stands in the way of the next no longer than a fault would.
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

  /** For how many milliseconds a server is not to be asked; 0 when it may be. */
  waitMs(server: string, now: number): number {
    return Math.max(0, (this.#states.get(server)?.until ?? 0) - now)
  }

  /** It is asked now; gives whether this is the probe, during which nobody else asks. */
  asked(server: string, now: number): boolean {
    const state = this.#states.get(server)
    if (!state || state.until === 0 || state.until > now) return false
    state.until = now + this.#settings.openMs
    return true
  }

  /** What came of it. */
  told(server: string, health: Health, wasProbe: boolean, now: number): void {
    const state = this.#states.get(server) ?? { faults: 0, until: 0 }
    if (health === 'well') this.#states.delete(server)
    // Another probe may be made at once.
    else if (health === 'unknown' && wasProbe) state.until = now
    else if (health === 'ill') {
      state.faults += 1
      if (state.faults >= this.#settings.faults) state.until = now + this.#settings.openMs
      this.#states.set(server, state)
    }
  }
}
