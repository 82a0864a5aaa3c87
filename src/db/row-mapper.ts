import { Column, is, SQL, Subquery } from 'drizzle-orm'
import type { SelectedFieldsOrdered } from 'drizzle-orm/sqlite-core'

type Decode = (value: unknown) => unknown

/**
 * What makes an object of a row, worked out once for a statement: Drizzle asks what each column is in every row, which took half of its
 * time for a list. `undefined` where it makes objects within objects, as of a join, and of a query as a column.
 */
export function rowMapper(fields: SelectedFieldsOrdered): ((row: unknown[]) => Record<string, unknown>) | undefined {
  if (fields.some(({ path, field }) => path.length !== 1 || is(field, Subquery))) return undefined
  const columns = fields.map(({ path, field }) => ({ name: path[0]!, decode: decoderOf(field) }))
  return (row) => {
    const made: Record<string, unknown> = {}
    for (let at = 0; at < columns.length; at++) {
      const { name, decode } = columns[at]!
      const value = row[at]
      made[name] = value === null || !decode ? value : decode(value)
    }
    return made
  }
}

/** As in Drizzle's own mapper; what it calls `decoder` is internal to it. Nothing for a column that takes values as they are. */
function decoderOf(field: SelectedFieldsOrdered[number]['field']): Decode | undefined {
  const { decoder } = is(field, Column)
    ? { decoder: field }
    : ((is(field, SQL) ? field : (field as SQL.Aliased).sql) as unknown as { decoder: { mapFromDriverValue: Decode } })
  const isPlain = decoder.mapFromDriverValue === Column.prototype.mapFromDriverValue
  return isPlain ? undefined : (value) => decoder.mapFromDriverValue(value)
}
