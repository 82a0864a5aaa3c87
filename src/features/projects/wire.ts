import type { projects } from '../../db/schema/index.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import type { Project } from './schemas.ts'

/** A project with its newest conversations; times are milliseconds. */
export type StoredProject = typeof projects.$inferSelect & {
  conversations: { id: string; title: string | null; updatedAt: number }[]
}

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toProject = (row: StoredProject): Project => ({
  id: row.id,
  name: row.name,
  description: row.description,
  color: row.color,
  instructions: row.instructions,
  model: row.model,
  conversations: row.conversations.map(({ id, title, updatedAt }) => ({
    id,
    title,
    updated_at: toTimestamp(updatedAt),
  })),
  created_at: toTimestamp(row.createdAt),
  updated_at: toTimestamp(row.updatedAt),
})
