/**
 * Waits for one thing after the other, each for its own time, until the signal aborts. There is one timer and one listener for all
 * of them: an answer comes in hundreds of pieces, and a timer for each takes longer than the piece.
 */
export class Patience {
  readonly #signal: AbortSignal
  readonly #onAbort = () => this.#fail?.(this.#signal.reason)
  #fail: ((reason: unknown) => void) | undefined
  #faultOf: () => Error = () => new Error('Nothing is waited for')
  #deadline = Number.POSITIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When the timer goes off, which may be before the deadline, never after. */
  #firesAt = Number.POSITIVE_INFINITY

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort)
  }

  /**
   * What `work` gives. @throws what `faultOf` makes when it takes longer than `ms` milliseconds, and the reason of the abort. Work
   * left behind may fail unheard: its upstream is closed by then.
   */
  async wait<T>(work: Promise<T>, ms: number, faultOf: () => Error): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        work.then(resolve, reject)
        this.#fail = reject
        this.#faultOf = faultOf
        this.#deadline = Date.now() + Math.max(0, ms)
        if (this.#signal.aborted) this.#onAbort()
        else if (this.#deadline < this.#firesAt) this.#arm()
      })
    } finally {
      this.#fail = undefined
    }
  }

  /** Nothing more is waited for. */
  end(): void {
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#onAbort)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    this.#firesAt = this.#deadline
    this.#timer = setTimeout(() => this.#check(), Math.max(0, this.#deadline - Date.now()))
  }

  #check(): void {
    this.#firesAt = Number.POSITIVE_INFINITY
    if (!this.#fail) return
    // The clock of the platform may be a little behind its timers.
    if (this.#deadline - Date.now() <= 1) this.#fail(this.#faultOf())
    else this.#arm()
  }
}
