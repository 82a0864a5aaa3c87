type Settings = {
  /** How many may wait. */
  most: number
  /** How long one may wait, in milliseconds. */
  waitMs: number
  /** How long the one whose turn it is has to begin something before the next one gets it, in milliseconds. */
  turnMs: number
}

type Waiter = { resolve: (isTheirTurn: boolean) => void; timer: ReturnType<typeof setTimeout> }

/** Requests that wait for a conversation to be free, first come, first served. It is in memory: nothing of it is stored. */
export class TurnQueue {
  readonly #settings: Settings
  readonly #waiting: Waiter[] = []
  #turn: ReturnType<typeof setTimeout> | undefined

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** True when it is the caller's turn; false when too many wait or it takes too long. */
  wait(): Promise<boolean> {
    if (this.#waiting.length >= this.#settings.most) return Promise.resolve(false)
    return new Promise((resolve) => {
      const waiter: Waiter = { resolve, timer: setTimeout(() => this.#leave(waiter), this.#settings.waitMs) }
      this.#waiting.push(waiter)
    })
  }

  /** Whether somebody was let in a moment ago who may still begin something. */
  get isTaken(): boolean {
    return this.#turn !== undefined
  }

  /** Something has begun: whoever had the turn has used it. */
  begun(): void {
    clearTimeout(this.#turn)
    this.#turn = undefined
  }

  /** The place is free: the first of those who wait gets the turn, and the next one if nothing comes of it. */
  next(): void {
    this.begun()
    const first = this.#waiting.shift()
    if (!first) return
    clearTimeout(first.timer)
    this.#turn = setTimeout(() => this.next(), this.#settings.turnMs)
    first.resolve(true)
  }

  #leave(waiter: Waiter): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
    waiter.resolve(false)
  }
}
