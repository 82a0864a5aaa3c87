import { type SQL, sql } from 'drizzle-orm'
import type { Db } from './client.ts'
import { deepMessage } from './failures.ts'

/**
 * D1 has no interactive transaction and a conditional UPDATE that matches nothing does not fail its batch. So a
 * batch states what must be true: a JSON path that is no path is the one error that SQLite raises from a SELECT
 * with a text of ours, and it undoes the batch (docs/decisions/001-preconditions.md).
 */
const unmet = (label: string): SQL => sql`json_extract('{}', ${sql.raw(`'${label}'`)})`

const given = (label: string, condition: SQL, value: SQL<number>) =>
  sql<number>`CASE WHEN ${condition} THEN ${value} ELSE ${unmet(label)} END`

/**
 * A statement for a batch that undoes all of it unless `condition` holds; `unmetPrecondition` then gives `label`. When it
 * holds the statement gives `value`.
 */
export const mustHold = (db: Db, label: string, condition: SQL, value: SQL<number> = sql`1`) =>
  db.select({ met: given(label, condition, value).as('met') }).from(sql`(SELECT 1)`)

/** The same for several conditions in one statement; the first that does not hold gives its label. */
export const mustAllHold = (db: Db, conditions: Record<string, SQL>) => {
  const met = Object.entries(conditions).reduceRight(
    (inner, [label, condition]) => given(label, condition, inner),
    sql<number>`1`,
  )
  return db.select({ met: met.as('met') }).from(sql`(SELECT 1)`)
}

/** The label of the precondition that undid the batch, if that is what happened. */
export const unmetPrecondition = (error: unknown): string | undefined =>
  /bad JSON path: '(\w+)'/.exec(deepMessage(error))?.[1]
