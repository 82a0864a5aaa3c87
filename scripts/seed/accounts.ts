import { type AuditAction, auditLog, sessions, users } from '../../src/db/schema/index.ts'
import { PEOPLE, type Person } from './people.ts'
import { DAY_MS, HOUR_MS, part, type Section, seedId } from './section.ts'
import type { Talk } from './talk.ts'

/** How long somebody is signed in to have a conversation. */
const VISIT_MS = 40 * 60_000
const SESSION_MAX_MS = 30 * DAY_MS

export const userIdOf = ({ username, joinedDaysAgo }: Person) => seedId(`user ${username}`, joinedDaysAgo * DAY_MS)

/** The people, what the administrator did with their accounts, and their visits, all of which are over. */
export const accounts = (nowMs: number, passwordHash: string, talks: Talk[]): Section => ({
  name: 'accounts',
  parts: [
    part(
      'users',
      users,
      PEOPLE.map((person) => userRow(nowMs, passwordHash, person)),
    ),
    part(
      'acts of the administrator',
      auditLog,
      PEOPLE.flatMap((person) => auditRows(nowMs, person)),
    ),
    part('visits', sessions, visits(nowMs, talks)),
  ],
})

function userRow(nowMs: number, passwordHash: string, person: Person): typeof users.$inferInsert {
  const joinedAt = new Date(nowMs - person.joinedDaysAgo * DAY_MS)
  return {
    id: userIdOf(person),
    email: person.email ?? null,
    username: person.username,
    displayName: person.name,
    passwordHash,
    emailVerifiedAt: person.email && !person.unconfirmed ? new Date(joinedAt.getTime() + 5 * 60_000) : null,
    role: person.role ?? 'user',
    plan: person.plan ?? 'free',
    disabledAt: person.disabledDaysAgo === undefined ? null : new Date(nowMs - person.disabledDaysAgo * DAY_MS),
    createdAt: joinedAt,
    updatedAt: joinedAt,
  }
}

/** As the services write them; the administrator was made by an operator. */
function auditRows(nowMs: number, person: Person): (typeof auditLog.$inferInsert)[] {
  const joinedMs = person.joinedDaysAgo * DAY_MS
  const row = (action: AuditAction, field: string, agoMs: number, actorId: string | null) => ({
    id: seedId(`${action} ${person.username}`, agoMs),
    at: new Date(nowMs - agoMs),
    actorId,
    action,
    targetType: 'user' as const,
    targetId: userIdOf(person),
    fields: [field],
    outcome: 'done' as const,
    requestId: null,
  })
  const admin = userIdOf(PEOPLE[0]!)
  return [
    ...(person.role ? [row('user.created', 'role', joinedMs, null)] : []),
    ...(person.plan ? [row('user.plan_changed', 'plan', joinedMs - HOUR_MS, admin)] : []),
    ...(person.disabledDaysAgo ? [row('user.disabled', 'is_active', person.disabledDaysAgo * DAY_MS, admin)] : []),
  ]
}

/** A session for each conversation: what last activity and active users are counted by. Nobody holds a token of it. */
function visits(nowMs: number, talks: Talk[]): (typeof sessions.$inferInsert)[] {
  return talks
    .toSorted((one, other) => other.hoursAgo - one.hoursAgo)
    .map(({ by, hoursAgo }) => {
      const agoMs = hoursAgo * HOUR_MS + 60_000
      const openedMs = nowMs - agoMs
      const closedAt = new Date(openedMs + VISIT_MS)
      return {
        id: seedId(`visit ${by} ${hoursAgo}`, agoMs),
        userId: userIdOf(PEOPLE.find(({ username }) => username === by)!),
        device: 'Demo data',
        createdAt: new Date(openedMs),
        lastUsedAt: closedAt,
        expiresAt: new Date(openedMs + SESSION_MAX_MS),
        revokedAt: closedAt,
        revokedReason: 'logout' as const,
      }
    })
}
