/** Of what fails: for how long each is left alone, a time that doubles with each failure in a row. All times are milliseconds. */
export class Pauses {
  readonly #firstMs: number
  readonly #mostMs: number
  readonly #failing = new Map<string, { pauseMs: number; until: number }>()

  constructor(bounds: { firstMs: number; mostMs: number }) {
    this.#firstMs = bounds.firstMs
    this.#mostMs = bounds.mostMs
  }

  failed(key: string, now: number): void {
    const before = this.#failing.get(key)?.pauseMs
    const pauseMs = before === undefined ? this.#firstMs : Math.min(this.#mostMs, 2 * before)
    this.#failing.set(key, { pauseMs, until: now + pauseMs })
  }

  worked(key: string): void {
    this.#failing.delete(key)
  }

  isLeftAlone(key: string, now: number): boolean {
    return (this.#failing.get(key)?.until ?? 0) > now
  }

  /** How long until the first of those that failed may be tried again; 0 when none failed. */
  shortestMs(now: number): number {
    const untils = [...this.#failing.values()].map(({ until }) => until)
    return untils.length === 0 ? 0 : Math.max(0, Math.min(...untils) - now)
  }
}
