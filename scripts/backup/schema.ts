/** What a database is made of, in the order in which it was made. Each row of it is a statement that makes one thing. */
export type Made = { type: 'table' | 'index' | 'view' | 'trigger'; name: string; sql: string }

/** How FTS5 calls the tables behind one of its own. */
const SHADOWS = ['data', 'idx', 'content', 'docsize', 'config']

/** What is not the platform's own. */
export async function readSchema(d1: D1Database): Promise<Made[]> {
  const { results } = await d1
    .prepare(`SELECT type, name, sql FROM sqlite_schema
      WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*' ORDER BY rowid`)
    .all<Made>()
  return results
}

/** Search tables. They hold nothing of their own and cannot be exported, so they are made anew (migrations/0008). */
export const searchTables = (schema: Made[]): Made[] => schema.filter(({ sql }) => /^CREATE VIRTUAL TABLE/i.test(sql))

/** Tables with rows of their own: without those of a search, and what these stand on. */
export function ownTables(schema: Made[]): Made[] {
  const search = searchTables(schema).map(({ name }) => name)
  const behind = new Set(search.flatMap((name) => [name, ...SHADOWS.map((part) => `${name}_${part}`)]))
  return schema.filter(({ type, name }) => type === 'table' && !behind.has(name))
}

/** A name as SQL has it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
