type Settings = {
  /** How many may wait. */
  most: number
  /** How long the one whose turn it is has to begin something before the next one gets it, in milliseconds. */
  turnMs: number
}

type Waiter = { ticket: string; resolve: (isTheirTurn: boolean) => void; timer: ReturnType<typeof setTimeout> }

/**
 * Requests that wait for a conversation to be free, first come, first served. Each has a ticket of its own. It is in memory:
 * nothing of it is stored.
 */
export class TurnQueue {
  readonly #settings: Settings
  readonly #waiting: Waiter[] = []
  #turn: { ticket: string; timer: ReturnType<typeof setTimeout> } | undefined

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /**
   * True when it is the caller's turn, at once when the place `isFree` and nobody is before it; false when too many wait or
   * after `waitMs`. Who `wasServed` and found somebody else quicker goes before all others.
   */
  wait(ticket: string, isFree: boolean, wasServed: boolean, waitMs: number): Promise<boolean> {
    if (isFree && (this.#turn?.ticket === ticket || (!this.#turn && this.#waiting.length === 0))) {
      this.#serve(ticket)
      return Promise.resolve(true)
    }
    if (!wasServed && this.#waiting.length >= this.#settings.most) return Promise.resolve(false)
    return new Promise((resolve) => {
      const waiter: Waiter = { ticket, resolve, timer: setTimeout(() => this.#leave(waiter), waitMs) }
      this.#waiting.splice(wasServed ? 0 : this.#waiting.length, 0, waiter)
      if (isFree && !this.#turn) this.next()
    })
  }

  /** Something has begun: whoever had the turn has used it, or was too late. */
  begun(): void {
    clearTimeout(this.#turn?.timer)
    this.#turn = undefined
  }

  /** The place is free: the first of those who wait gets the turn, and the next one if nothing comes of it. */
  next(): void {
    this.begun()
    const first = this.#waiting.shift()
    if (!first) return
    clearTimeout(first.timer)
    this.#serve(first.ticket)
    first.resolve(true)
  }

  /** Whoever has this ticket begins nothing: the turn, if it is theirs, is the next one's. */
  giveBack(ticket: string): void {
    if (this.#turn?.ticket === ticket) this.next()
  }

  #serve(ticket: string): void {
    clearTimeout(this.#turn?.timer)
    this.#turn = { ticket, timer: setTimeout(() => this.next(), this.#settings.turnMs) }
  }

  #leave(waiter: Waiter): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
    waiter.resolve(false)
  }
}
