import type { EventPayload, StoredAttachment } from '../../db/schema/channels.ts'
import type { ChannelEvent } from '../../lib/channel-commands.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import { toFrameData } from './wire/event-data.ts'

// Plain D1 statements, here and in what writes: parameters in Drizzle's raw SQL cannot be part of a batch. Each takes one, JSON.

/** An event with all that its frame tells: its message, its channel and who took part, as they are now. Times are milliseconds. */
export type EventRow = {
  seq: number
  type: string
  actor_id: string | null
  message_id: string | null
  command_id: string | null
  payload: string | null
  created_at: number
  message: string | null
  channel: string | null
  subject: string | null
}

export type MessageJson = {
  id: string
  seq: number
  author: PersonJson
  nonce: string
  content: string | null
  mentions: string[]
  attachments: StoredAttachment[]
  thread_id: string | null
  reply_count: number
  reaction_counts: Record<string, number>
  pinned_at: number | null
  version: number
  edited_at: number | null
  deleted_at: number | null
  created_at: number
}
export type PersonJson = { id: string; username: string | null; display_name: string; kind: 'user' | 'chatbot' }
export type ChannelJson = {
  id: string
  name: string
  description: string | null
  owner_id: string
  created_at: number
  kind: 'channel' | 'direct'
  visibility: 'public' | 'private'
  slow_mode_s: number
  epoch: number
  last_seq: number
}

const userOf = (id: string) => `(SELECT json_object('id', ${id}, 'kind', 'user',
    'username', iif(u.deleted_at IS NULL, u.username, NULL), 'display_name', coalesce(u.display_name, 'Deleted user'))
    FROM (SELECT 1) LEFT JOIN users u ON u.id = ${id})`

const chatbotOf = (id: string) => `(SELECT json_object('id', ${id}, 'kind', 'chatbot', 'username', b.handle,
    'display_name', iif(b.deleted_at IS NULL, coalesce(b.name, 'Deleted chatbot'), 'Deleted chatbot'))
    FROM (SELECT 1) LEFT JOIN chatbots b ON b.id = ${id})`

/** Somebody as others see them. Who closed their account is a deleted user. A chatbot has its handle for a username. */
export const personOf = (id: string, kind = `'user'`) =>
  kind === `'user'` ? userOf(id) : `json(iif(${kind} = 'user', ${userOf(id)}, ${chatbotOf(id)}))`

/** Of a message `m`, as `MessageJson`. */
export const MESSAGE = `json_object('id', m.id, 'seq', m.seq, 'nonce', m.nonce, 'content', m.content, 'mentions', json(m.mentions),
    'attachments', json(m.attachments), 'thread_id', m.thread_id, 'reply_count', m.reply_count,
    'reaction_counts', json(m.reaction_counts), 'pinned_at', m.pinned_at, 'version', m.version, 'edited_at', m.edited_at,
    'deleted_at', m.deleted_at, 'created_at', m.created_at,
    'author', ${personOf('m.author_id', 'm.author_kind')})`

/** Of a direct channel `c` who is in it but the viewer, whose id `viewer` gives: its name. */
const others = (
  viewer: string,
) => `(SELECT coalesce(substr(group_concat(du.username, ', ' ORDER BY du.username), 1, 80), 'Deleted user')
    FROM channel_members dm JOIN users du ON du.id = dm.member_id AND du.deleted_at IS NULL
    WHERE dm.channel_id = c.id AND dm.member_id IS NOT ${viewer})`

/** Of a channel `c`, as `ChannelJson`. */
export const channelOf = (viewer: string) => `json_object('id', c.id,
    'name', iif(c.kind = 'direct', ${others(viewer)}, c.name), 'description', c.description, 'owner_id', c.owner_id,
    'created_at', c.created_at, 'kind', c.kind, 'visibility', c.visibility, 'slow_mode_s', c.slow_mode_s, 'epoch', c.epoch,
    'last_seq', c.last_seq)`
export const CHANNEL = channelOf('NULL')

/** Takes `{channel, after, limit}`: events after a number, in order. */
export const SELECT_EVENTS = `
SELECT e.seq, e.type, e.actor_id, e.message_id, e.command_id, e.payload, e.created_at,
  iif(m.id IS NULL, NULL, ${MESSAGE}) AS message,
  iif(e.type LIKE 'channel.%', ${CHANNEL}, NULL) AS channel,
  iif(e.type LIKE 'member.%', ${personOf(`e.payload->>'user_id'`, `coalesce(e.payload->>'kind', 'user')`)}, NULL) AS subject
FROM channels c CROSS JOIN channel_events e ON e.channel_id = c.id AND e.seq > CAST(?1->>'after' AS INTEGER)
LEFT JOIN channel_messages m ON m.id = e.message_id
WHERE c.id = ?1->>'channel' ORDER BY e.seq LIMIT CAST(?1->>'limit' AS INTEGER)`

/** Of `channels`, as a `HeadRow`. */
export const HEAD = `epoch, last_seq AS head, oldest_seq AS oldest, slow_mode_s, deleted_at IS NOT NULL AS is_deleted,
  visibility = 'public' AS is_public`
/** Takes `{channel}`: how far a channel has come, and the ids of its chatbots, as JSON. Nothing when there is none. */
export const SELECT_HEAD = `SELECT ${HEAD}, (SELECT json_group_array(member_id) FROM channel_members
  WHERE channel_id = channels.id AND member_kind = 'chatbot') AS chatbots
  FROM channels WHERE id = ?1->>'channel'`
export type HeadRow = {
  epoch: number
  head: number
  oldest: number
  slow_mode_s: number
  is_deleted: number
  is_public: number
}

export function toEvent(channelId: string, row: EventRow): ChannelEvent {
  const message: MessageJson | null = row.message === null ? null : JSON.parse(row.message)
  const channel: ChannelJson | null = row.channel === null ? null : JSON.parse(row.channel)
  const subject: PersonJson | null = row.subject === null ? null : JSON.parse(row.subject)
  const payload: EventPayload = row.payload === null ? {} : JSON.parse(row.payload)
  const data = toFrameData({ ...row, channelId, message, channel, subject, payload })
  const ts = toTimestamp(row.created_at)
  const isMessage = row.type === 'message' && message !== null
  return {
    seq: row.seq,
    type: row.type,
    // Its data is the last member, so that a nonce can be put into it.
    frame: JSON.stringify({ type: row.type, ch: channelId, seq: row.seq, ts, data }),
    message_id: row.message_id,
    ...(isMessage && { author: message.author.id, nonce: message.nonce }),
    ...(subject && { [subject.kind === 'user' ? 'subject' : 'chatbot']: subject.id }),
  }
}
