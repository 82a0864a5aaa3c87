import { ERRORS, type ErrorCode } from '../../http/errors.ts'
import type { Refusal } from '../../lib/channel-commands.ts'
import { CREDIT } from '../../lib/credit.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import type { Identity } from './connection.ts'
import type { SocketError } from './schemas/server-frames.ts'

/** What a client sends to show that it is there, and what it gets: the platform answers without waking anybody. */
export const PING = '{"type":"ping"}'
export const PONG = '{"type":"pong"}'
const PING_INTERVAL_MS = 25_000

/** Bytes of a frame in UTF-8; the first one names up to 500 channels. */
export const MAX_FRAME = 16_384
export const MAX_RESUME = 65_536

type Answer = { id?: string; ch?: string; seq?: number | null; data: unknown }

/** A frame that is no event of a channel. */
export const frame = (type: string, { id, ch, seq, data }: Answer): string =>
  JSON.stringify({
    type,
    ...(id !== undefined && { id }),
    ...(ch && { ch }),
    ...(typeof seq === 'number' && { seq }),
    data,
  })

export const helloFrame = ({ connectionId, userId, username, displayName }: Identity): string =>
  frame('hello', {
    data: {
      conn_id: connectionId,
      user: { id: userId, username, display_name: displayName, kind: 'user' },
      ping: PING,
      ping_interval_ms: PING_INTERVAL_MS,
      max_frame: MAX_FRAME,
      credit: CREDIT,
    },
  })

type Fault = { code: SocketError; message: string; retryAfterMs?: number; until?: number }

/** Whatever it was, the log tells. */
export const FAILED: Fault = { code: 'unavailable', message: 'This did not work: try it again', retryAfterMs: 1_000 }

/** Those that the same frame may not meet again later. */
const TEMPORARY = new Set<SocketError>(['rate_limit_exceeded', 'unavailable'])

/** An error never ends a socket by itself. Contract 3 reads its text at the top. */
export const errorFrame = ({ code, message, retryAfterMs, until }: Fault, id?: string, isSeed = false): string => {
  const data = {
    code,
    message,
    temporary: TEMPORARY.has(code),
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
    ...(until !== undefined && { until: toTimestamp(until) }),
  }
  return JSON.stringify({ type: 'error', ...(id !== undefined && { id }), ...(isSeed && { error: message }), data })
}

/** What a refusal is called over a socket, and where its text stands. */
const OF_REFUSAL: Record<Refusal, [SocketError, ErrorCode]> = {
  not_found: ['not_found', 'not_found'],
  forbidden: ['forbidden', 'forbidden'],
  banned: ['banned', 'banned'],
  muted: ['muted', 'muted'],
  gone: ['gone', 'gone'],
  user_banned: ['conflict', 'user_banned'],
  precondition_failed: ['conflict', 'precondition_failed'],
  nonce_conflict: ['nonce_conflict', 'nonce_conflict'],
  limit_reached: ['limit_reached', 'limit_reached'],
  name_taken: ['conflict', 'conflict'],
  direct_channel: ['conflict', 'direct_channel'],
  last_owner: ['conflict', 'last_owner'],
  attachment_not_found: ['not_found', 'file_not_found'],
  thread_not_found: ['not_found', 'not_found'],
  rate_limit_exceeded: ['rate_limit_exceeded', 'rate_limit_exceeded'],
  unavailable: ['unavailable', 'overloaded'],
}

export const faultOf = (refused: { code: Refusal; retryAfterMs?: number; mutedUntil?: number }): Fault => {
  const [code, text] = OF_REFUSAL[refused.code]
  return { code, message: ERRORS[text].title, retryAfterMs: refused.retryAfterMs, until: refused.mutedUntil }
}
