import { sql } from 'drizzle-orm'
import type { Precondition } from '../../db/client.ts'
import { sessionIsLive } from '../../db/live-session.ts'
import type { Principal } from '../../http/context.ts'

/** How long a session found live is believed in this isolate, in milliseconds: one trip per read instead of two. */
const BELIEVED_MS = 10_000
const MAX_REMEMBERED = 10_000

const checkedAt = new Map<string, number>()

/**
 * That the principal's session is live, as a precondition that rides in the request's first D1 trip; `undefined` when
 * this isolate has seen it so in the last 10 s.
 */
export function sessionCheck({ id, sessionId }: Principal, now: Date): Precondition | undefined {
  const at = now.getTime()
  if (at - (checkedAt.get(sessionId) ?? Number.NEGATIVE_INFINITY) < BELIEVED_MS) return undefined
  return {
    label: 'session_live',
    condition: sessionIsLive(sql`${sessionId}`, sql`${id}`, now),
    passed: () => {
      if (checkedAt.size >= MAX_REMEMBERED) checkedAt.clear()
      checkedAt.set(sessionId, at)
    },
  }
}

/** Makes the end of a session hold at once in the isolate that ended it. */
export const forgetSession = (sessionId: string) => checkedAt.delete(sessionId)
