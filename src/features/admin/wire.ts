import { toTimestamp } from '../../lib/timestamps.ts'
import type { AuditEntry } from './schemas/audit.ts'
import type { Metrics } from './schemas/metrics.ts'
import type { NamedEntry } from './service/audit.ts'
import type { readMetrics } from './service/metrics.ts'

export const toAuditEntry = (row: NamedEntry): AuditEntry => ({
  id: row.id,
  at: toTimestamp(row.at),
  actor_id: row.actorId,
  actor_name: row.actorName,
  action: row.action,
  target_type: row.targetType,
  target_id: row.targetId,
  target_name: row.targetName,
  fields: row.fields,
  outcome: row.outcome,
  request_id: row.requestId,
})

export const toMetrics = (metrics: Awaited<ReturnType<typeof readMetrics>>): Metrics => ({
  total_users: metrics.users,
  total_projects: metrics.projects,
  total_conversations: metrics.conversations,
  total_messages: metrics.messages,
  active_users_24h: metrics.activeUsers24h,
  storage_bytes: metrics.storageBytes,
  days: metrics.days.map((day) => ({
    day: day.day.toISOString().slice(0, 10),
    users: day.users,
    new_users: day.newUsers,
    active_users: day.activeUsers,
    messages: day.messages,
    tokens: day.tokens,
    runs: day.runs,
    duration_ms: day.duration ?? null,
    storage_bytes: day.storageBytes,
  })),
})
