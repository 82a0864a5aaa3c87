import { sql } from 'drizzle-orm'
import type { Precondition } from '../../db/client.ts'
import { sessionIsLive } from '../../db/live-session.ts'
import type { Principal } from '../../http/context.ts'

/** How long a session found live is believed in this isolate, in milliseconds: one trip per read instead of two. */
const BELIEVED_MS = 10_000
const MAX_REMEMBERED = 10_000

/** When a session was found live. */
const believed = new Map<string, number>()
/** How many requests the plan of a user has for a minute, as this isolate last saw it. */
const requestsPerMinute = new Map<string, number>()

/**
 * That the principal's session is live, as a precondition that rides in the request's first D1 trip; `undefined` when
 * this isolate has seen it so in the last 10 s.
 */
export function sessionCheck({ id, sessionId }: Principal, now: Date): Precondition | undefined {
  const at = now.getTime()
  if (at - (believed.get(sessionId) ?? Number.NEGATIVE_INFINITY) < BELIEVED_MS) return undefined
  return {
    label: 'session_live',
    condition: sessionIsLive(sql`${sessionId}`, sql`${id}`, now),
    value: sql`(SELECT p.requests_per_minute FROM users u JOIN plans p ON p.id = u.plan WHERE u.id = ${id})`,
    passed: (allowed) => {
      remember(believed, sessionId, at)
      remember(requestsPerMinute, id, allowed)
    },
  }
}

/** Makes the end of a session hold at once in the isolate that ended it. */
export const forgetSession = (sessionId: string) => believed.delete(sessionId)

/** What the plan of a user has, as it was read along with something else. */
export const rememberPlan = (userId: string, allowed: number) => remember(requestsPerMinute, userId, allowed)

/** How many requests the plan of a user has for a minute; `undefined` before this isolate has seen it. */
export const requestsPerMinuteOf = (userId: string) => requestsPerMinute.get(userId)

function remember(map: Map<string, number>, key: string, value: number): void {
  if (map.size >= MAX_REMEMBERED) map.clear()
  map.set(key, value)
}
