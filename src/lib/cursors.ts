import { fromBase64Url, toBase64Url } from './digests.ts'

/** A place in a list: the list it belongs to (with its filters), then the sort key of the last row seen. */
export type Cursor = { list: string; key: (string | number)[] }

/** Opaque to clients. It grants nothing: whose rows are listed is the query's matter. */
export const encodeCursor = ({ list, key }: Cursor): string =>
  toBase64Url(new TextEncoder().encode(JSON.stringify([list, ...key])))

/** The sort key, or `undefined` for garbage and for a cursor of another list or filter. */
export function decodeCursor<const K extends ('string' | 'number')[]>(
  text: string,
  list: string,
  kinds: K,
): { [I in keyof K]: K[I] extends 'number' ? number : string } | undefined {
  try {
    const [ofList, ...key] = JSON.parse(new TextDecoder().decode(fromBase64Url(text)))
    const fits =
      key.length === kinds.length && kinds.every((kind, at) => typeof key[at] === kind && key[at] !== Infinity)
    return ofList === list && fits ? (key as never) : undefined
  } catch {
    return undefined
  }
}
