import { CLOSE } from '../../lib/close-codes.ts'
import type { Connection } from './connection.ts'
import { frame } from './frames.ts'
import type { Sockets } from './sockets.ts'
import type { Streams } from './streams.ts'

/** A socket that nothing was heard of for two ticks is dead; a client sends a ping each 25 s. */
const SILENT_TICKS = 2
/** So long a socket may stay without a first `resume`. */
export const RESUME_MS = 10_000
/** So long a reader may confirm nothing. */
const STALL_MS = 30_000
const MAX_AGE_MS = 12 * 3_600_000
/** A client that is sent away comes again after this, and up to as much again at random. */
export const RECONNECT_MS = 1_000

/** Ends sockets that are dead, too slow, too old, or never said what they want. `lastPing` is a moment, in milliseconds. */
export function closeOverdue(
  sockets: Sockets,
  now: number,
  tickMs: number,
  lastPing: (connection: Connection) => number,
  closed: (connection: Connection) => void,
): void {
  for (const connection of [...sockets.all.values()]) {
    const { identity, isSeed, isReady, credit } = connection
    const heard = Math.max(connection.lastFrameAt, lastPing(connection), identity.since)
    if (now - identity.since >= MAX_AGE_MS) {
      connection.tell(frame('reconnect', { data: { after_ms: RECONNECT_MS } }))
      connection.close(CLOSE.reconnect)
    } else if (isSeed) continue
    else if (!isReady && now - identity.since >= RESUME_MS) connection.close(CLOSE.noResume)
    else if (now - heard > SILENT_TICKS * tickMs) connection.close(CLOSE.silent)
    else if (credit.waitingSince > 0 && now - credit.waitingSince >= STALL_MS) connection.close(CLOSE.slow)
    else continue
    closed(connection)
  }
}

/** When the next of them is due, in milliseconds from now, at most a tick. */
export function nextDue(sockets: Sockets, now: number, tickMs: number): number {
  let due = tickMs
  for (const { identity, isReady, isSeed, credit } of sockets.all.values()) {
    if (isSeed) continue
    if (!isReady) due = Math.min(due, identity.since + RESUME_MS - now)
    if (credit.waitingSince > 0) due = Math.min(due, credit.waitingSince + STALL_MS - now)
  }
  return Math.max(due, 100)
}

/** Takes `?1`, ids of channels as JSON. */
const SELECT_HEADS = `SELECT c.id, c.epoch, c.last_seq AS head FROM json_each(?1) AS wanted
  CROSS JOIN channels AS c ON c.id = wanted.value AND c.deleted_at IS NULL`
type HeadRow = { id: string; epoch: number; head: number }

/** Finds what no push has told: a channel that has come further, has begun another epoch, or is no more. */
export async function compareHeads(
  sockets: Sockets,
  streams: Streams,
  d1: D1Database,
  gone: (channelId: string) => void,
  failed: (error: unknown) => void,
): Promise<void> {
  const ids = [...sockets.rooms.keys()]
  if (ids.length === 0) return
  const before = new Map([...sockets.rooms].map(([id, { head }]) => [id, head]))
  const { results } = await d1.prepare(SELECT_HEADS).bind(JSON.stringify(ids)).all<HeadRow>()
  const rows = new Map(results.map((row) => [row.id, row]))
  for (const id of ids) {
    const room = sockets.rooms.get(id)
    const row = rows.get(id)
    if (!room) continue
    if (!row) gone(id)
    else if (room.epoch !== undefined && row.epoch !== room.epoch) streams.restart(room, row.epoch, row.head)
    // What was pushed while it was read is no sign of a loss.
    else if (room.head === before.get(id)) await streams.bringUp(room, row.head).catch(failed)
  }
}

/** Takes `?1`, `[[session, user], …]` as JSON, and `?2`, now: which of them have ended, and whether with the account. */
const SELECT_ENDED = `SELECT wanted.value->>0 AS id, u.id IS NULL OR u.disabled_at IS NOT NULL AS is_disabled
  FROM json_each(?1) AS wanted
  LEFT JOIN sessions AS s ON s.id = wanted.value->>0 AND s.user_id = wanted.value->>1
  LEFT JOIN users AS u ON u.id = wanted.value->>1
  WHERE s.id IS NULL OR s.revoked_at IS NOT NULL OR s.expires_at <= ?2 OR u.id IS NULL OR u.disabled_at IS NOT NULL`

/** Ends the sockets of sessions that have ended without this Gateway having been told. */
export async function closeEnded(
  sockets: Sockets,
  d1: D1Database,
  now: number,
  closed: (connection: Connection) => void,
): Promise<void> {
  const identities = [...sockets.all.values()].map(({ identity }) => identity)
  if (identities.length === 0) return
  const sessions = new Map(identities.map(({ sessionId, userId }) => [sessionId, userId]))
  const { results } = await d1
    .prepare(SELECT_ENDED)
    .bind(JSON.stringify([...sessions]), now)
    .all<{ id: string; is_disabled: number }>()
  const ended = new Map(results.map(({ id, is_disabled }) => [id, is_disabled]))
  for (const connection of [...sockets.all.values()]) {
    const isDisabled = ended.get(connection.identity.sessionId)
    if (isDisabled === undefined) continue
    connection.close(isDisabled ? CLOSE.disabled : CLOSE.loggedOut)
    closed(connection)
  }
}
