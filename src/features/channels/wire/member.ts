import { toTimestamp } from '../../../lib/timestamps.ts'
import type { PersonJson } from '../event-rows.ts'
import type { Member } from '../schemas/member.ts'
import { toPerson } from './channel.ts'

/** A member as it is stored; times are milliseconds. */
export type StoredMember = {
  person: PersonJson
  role: Member['role']
  kind: 'user' | 'chatbot'
  mutedUntil: number | null
  joinedAt: number
}

export const toMember = (row: StoredMember): Member => ({
  user: toPerson(row.person),
  role: row.role,
  kind: row.kind,
  muted_until: toTimestamp(row.mutedUntil),
  joined_at: toTimestamp(row.joinedAt),
})
