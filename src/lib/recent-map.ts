/** A map that keeps so many entries: beyond them the one goes that was asked for or set the longest ago. */
export class RecentMap<V> {
  readonly #most: number
  readonly #entries = new Map<string, V>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }

  set(key: string, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value!)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  deleteWhere(isToGo: (value: V) => boolean): void {
    for (const [key, value] of this.#entries) if (isToGo(value)) this.#entries.delete(key)
  }
}
