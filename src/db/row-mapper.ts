import { Column, is, SQL, Subquery } from 'drizzle-orm'
import type { SelectedFieldsOrdered } from 'drizzle-orm/sqlite-core'

/**
 * What makes an object of a row, worked out once for a statement: Drizzle asks what each column is in every row, which took half of its
 * time for a list. `undefined` where it makes objects within objects, as of a join, and of a query as a column.
 */
export function rowMapper(fields: SelectedFieldsOrdered): ((row: unknown[]) => Record<string, unknown>) | undefined {
  if (fields.some(({ path, field }) => path.length !== 1 || is(field, Subquery))) return undefined
  const columns = fields.map(({ path, field }) => ({ name: path[0]!, decoder: decoderOf(field) }))
  return (row) => {
    const made: Record<string, unknown> = {}
    for (const [at, { name, decoder }] of columns.entries()) {
      const value = row[at]
      made[name] = value === null ? null : decoder.mapFromDriverValue(value)
    }
    return made
  }
}

type Decoder = { mapFromDriverValue: (value: unknown) => unknown }

/** As in Drizzle's own mapper; what it calls `decoder` is internal to it. */
function decoderOf(field: SelectedFieldsOrdered[number]['field']): Decoder {
  if (is(field, Column)) return field
  const { decoder } = (is(field, SQL) ? field : (field as SQL.Aliased).sql) as unknown as { decoder: Decoder }
  return decoder
}
