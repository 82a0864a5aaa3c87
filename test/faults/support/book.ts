import type { DatabaseSync, SQLInputValue } from 'node:sqlite'

type Row = Record<string, unknown>
type Claim = { sql: string; params: SQLInputValue[]; expected: Row | null }

/** What clients were told is so, as a row that the database must have from then on; null stands for none. */
export class Book {
  readonly #claims = new Map<string, Claim>()

  get size(): number {
    return this.#claims.size
  }

  /** `name` says what it is about; a later word on the same takes the place of the earlier one. */
  note(name: string, sql: string, params: SQLInputValue[], expected: Row | null): void {
    this.#claims.set(name, { sql, params, expected })
  }

  /** It is being changed: until the answer comes nobody knows what holds. */
  forget(name: string): void {
    this.#claims.delete(name)
  }

  /** What clients were told so far, to be looked at later. */
  copy(): Book {
    const copy = new Book()
    for (const [name, claim] of this.#claims) copy.#claims.set(name, claim)
    return copy
  }

  /** What was acknowledged and is not so. */
  breaches(db: DatabaseSync): string[] {
    return [...this.#claims].flatMap(([name, { sql, params, expected }]) => {
      const row = db.prepare(sql).get(...params) as Row | undefined
      const isSo =
        expected === null ? row === undefined : Object.entries(expected).every(([key, value]) => row?.[key] === value)
      return isSo ? [] : [`acknowledged: ${name}: ${JSON.stringify(expected)}, found ${JSON.stringify(row ?? null)}`]
    })
  }
}
