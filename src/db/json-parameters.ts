import { utf8Length } from '../lib/token-estimate.ts'

/** Bytes of one parameter; D1 takes 2,000,000. A single value may be larger than this. */
const MAX_BYTES = 1_000_000
/** Rows that one statement writes, so that none takes long. */
const MAX_ROWS = 2_000

/** JSON arrays of these values, in order, each small enough for one parameter of a statement over `json_each`. */
export function jsonParameters(values: readonly unknown[]): string[] {
  const arrays: string[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const value of values) {
    const text = JSON.stringify(value)
    const size = utf8Length(text) + 1
    if (bytes + size > MAX_BYTES || arrays.at(-1)!.length === MAX_ROWS) {
      arrays.push([])
      bytes = 0
    }
    arrays.at(-1)!.push(text)
    bytes += size
  }
  return arrays.map((texts) => `[${texts.join(',')}]`)
}
