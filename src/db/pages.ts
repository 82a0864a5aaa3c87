import { invalid } from '../http/errors.ts'
import { type Cursor, decodeCursor } from '../lib/cursors.ts'

/** What a list is asked for: at most `limit` rows, after the place that `cursor` names. */
export type PageRequest = { limit: number; cursor?: string }

/** One page; `next` is where the following one begins, if there is one. */
export type Page<Row> = { items: Row[]; next: Cursor | undefined }

/**
 * The sort key after which a page begins; `undefined` for the first page.
 * @throws AppError `validation_failed` for a cursor that is garbage or of another list
 */
export function keyAfter<const K extends ('string' | 'number')[]>({ cursor }: PageRequest, list: string, kinds: K) {
  if (cursor === undefined) return undefined
  const key = decodeCursor(cursor, list, kinds)
  if (!key) throw invalid([{ pointer: 'query:cursor', detail: 'This cursor is not of this list' }])
  return key
}

/** Makes a page of `limit + 1` rows: the one too many only tells that more follow. */
export function pageOf<Row>(
  rows: Row[],
  { limit }: PageRequest,
  list: string,
  keyOf: (row: Row) => Cursor['key'],
): Page<Row> {
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return { items, next: last && { list, key: keyOf(last) } }
}
