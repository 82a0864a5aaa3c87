/** Does what somebody wants at once, and then at most once in so many milliseconds: what they want meanwhile, the last counts. */
export class LastWord<Who extends WeakKey, What> {
  readonly #everyMs: number
  readonly #apply: (who: Who, what: What) => void
  readonly #heard = new WeakMap<Who, { at: number; next: { what: What } | undefined }>()

  constructor(everyMs: number, apply: (who: Who, what: What) => void) {
    this.#everyMs = everyMs
    this.#apply = apply
  }

  say(who: Who, what: What): void {
    const now = Date.now()
    const heard = this.#heard.get(who)
    if (heard?.next) heard.next.what = what
    else if (heard && now - heard.at < this.#everyMs) {
      heard.next = { what }
      setTimeout(() => this.#applyNext(who), heard.at + this.#everyMs - now)
    } else {
      this.#heard.set(who, { at: now, next: undefined })
      this.#apply(who, what)
    }
  }

  #applyNext(who: Who): void {
    const { what } = this.#heard.get(who)!.next!
    this.#heard.set(who, { at: Date.now(), next: undefined })
    this.#apply(who, what)
  }
}
