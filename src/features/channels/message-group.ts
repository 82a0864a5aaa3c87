import { inTime } from '../../db/impatience.ts'
import type { Accepted, Refusal, SendMessage } from '../../lib/channel-commands.ts'
import { type EventRow, HEAD } from './event-rows.ts'

// One batch numbers and stores a group of messages: the number is taken inside the transaction, so nothing can be lost between
// number and row. Each statement takes one JSON: {channel, now, offers: [...]}.

const OFFERS = `json_each(?1, '$.offers') AS o
  CROSS JOIN channels AS c ON c.id = ?1->>'channel' AND c.deleted_at IS NULL`

const NEW_MESSAGES = `channels AS c CROSS JOIN channel_messages AS m ON m.channel_id = c.id AND m.seq > c.last_seq
  WHERE c.id = ?1->>'channel'`

/** Of @channel: moderators, and in a small channel everybody. */
export const mayNameAll = (role: string, channel: string) => `(${role} <> 'member'
  OR (SELECT count(*) FROM (SELECT 1 FROM channel_members WHERE channel_id = ${channel} LIMIT 51)) <= 50)`

/**
 * Ids of the members that these names stand for, users and chatbots, each once; with `*` for everybody where `all` holds. What is a
 * user's name calls no chatbot that has it for a handle, wherever the user is, and `@channel` none. Here and below `CROSS` keeps
 * the order of the loops: SQLite would begin with all members, or all files of the author.
 */
export const membersNamed = (names: string, channel: string, all: string) => {
  const named = (
    table: string,
    name: string,
  ) => `SELECT p.id FROM ${names} AS n CROSS JOIN ${table} AS p ON p.${name} = n.value
    CROSS JOIN channel_members AS named ON named.channel_id = ${channel} AND named.member_id = p.id`
  return `${named('users', 'username')} UNION ${named('chatbots', 'handle')}
    WHERE n.value <> 'channel' AND NOT EXISTS (SELECT 1 FROM users WHERE username = n.value)
    UNION SELECT '*' FROM ${names} AS n WHERE n.value = 'channel' AND ${all}`
}

/** Who replies to a chatbot, or in a thread that it began, calls it without naming it. */
const REPLIED_TO = `UNION SELECT bot.author_id FROM channel_messages AS bot
    JOIN channel_members AS bm ON bm.channel_id = c.id AND bm.member_id = bot.author_id AND bm.member_kind = 'chatbot'
    WHERE bot.id IN (root.id, root.thread_id) AND bot.author_kind = 'chatbot' AND mb.member_kind = 'user'`

const mentions = (hasChatbots: boolean) => `(SELECT json_group_array(id) FROM (
    ${membersNamed(`json_each(o.value, '$.names')`, 'c.id', mayNameAll('mb.role', 'c.id'))} ${hasChatbots ? REPLIED_TO : ''}))`

const FILES = `json_each(o.value, '$.attachments') AS a
  CROSS JOIN files AS f ON f.id = a.value AND f.user_id = o.value->>'actor' AND f.state = 'ready'`

const ATTACHMENTS = `(SELECT json_group_array(json_object('id', id, 'name', name, 'mediaType', media_type, 'size', size))
  FROM (SELECT f.id, f.name, f.media_type, f.size FROM ${FILES} ORDER BY a.key))`

const FILES_THERE = `(SELECT count(*) FROM ${FILES}) = json_array_length(o.value, '$.attachments')`

const SENT = `EXISTS (SELECT 1 FROM channel_messages AS s
  WHERE s.channel_id = c.id AND s.author_id = o.value->>'actor' AND s.nonce = o.value->>'nonce')`

/** One that was deleted may not have left everywhere yet. */
const IS_LIVE = `(mb.member_kind = 'user' OR EXISTS (SELECT 1 FROM chatbots WHERE id = mb.member_id AND deleted_at IS NULL))`

const accept = (hasChatbots: boolean) => `
INSERT INTO channel_messages (id, channel_id, seq, author_id, author_kind, nonce, send_hash, content, mentions, attachments,
  thread_id, created_at)
SELECT o.value->>'id', c.id, c.last_seq + row_number() OVER (ORDER BY o.key), mb.member_id, mb.member_kind,
  o.value->>'nonce', o.value->>'hash', o.value->>'content', ${mentions(hasChatbots)}, ${ATTACHMENTS},
  coalesce(root.thread_id, root.id), ?1->>'now'
FROM ${OFFERS}
JOIN channel_members AS mb ON mb.channel_id = c.id AND mb.member_id = o.value->>'actor'
  AND coalesce(mb.muted_until, 0) <= ?1->>'now' AND ${IS_LIVE}
LEFT JOIN channel_messages AS root ON root.id = o.value->>'thread_id' AND root.channel_id = c.id AND root.deleted_at IS NULL
WHERE NOT ${SENT} AND (o.value->>'thread_id' IS NULL OR root.id IS NOT NULL) AND ${FILES_THERE}`

const LOG = `
INSERT INTO channel_events (channel_id, seq, type, actor_id, message_id, created_at)
SELECT m.channel_id, m.seq, 'message', m.author_id, m.id, m.created_at FROM ${NEW_MESSAGES}`

// The plus keeps SQLite from going through all replies in the order of an index.
const COUNT_REPLIES = `
UPDATE channel_messages AS root SET reply_count = root.reply_count + n.replies, last_reply_at = ?1->>'now'
FROM (SELECT m.thread_id, count(*) AS replies FROM ${NEW_MESSAGES} AND m.thread_id IS NOT NULL GROUP BY +m.thread_id) AS n
WHERE root.id = n.thread_id`

const NAME = `
INSERT INTO channel_mentions (channel_id, member_id, seq, message_id)
SELECT m.channel_id, n.value, m.seq, m.id
FROM channels AS c CROSS JOIN channel_messages AS m ON m.channel_id = c.id AND m.seq > c.last_seq CROSS JOIN json_each(m.mentions) AS n
WHERE c.id = ?1->>'channel'`

const ATTACH = `
INSERT INTO channel_attachments (file_id, message_id, channel_id)
SELECT DISTINCT a.value->>'id', m.id, m.channel_id
FROM channels AS c CROSS JOIN channel_messages AS m ON m.channel_id = c.id AND m.seq > c.last_seq CROSS JOIN json_each(m.attachments) AS a
WHERE c.id = ?1->>'channel'`

/** What each offer found that was not stored now: the message that has its nonce, or why there is none. */
const FOUND = `
SELECT o.key, s.id, s.seq, s.send_hash, s.created_at, mb.muted_until, CASE
    WHEN s.id IS NOT NULL THEN NULL
    WHEN c.id IS NULL THEN 'not_found'
    WHEN mb.member_id IS NULL AND (c.visibility = 'private' OR c.kind = 'direct') THEN 'not_found'
    WHEN EXISTS (SELECT 1 FROM channel_bans AS b WHERE b.channel_id = c.id AND b.user_id = o.value->>'actor') THEN 'banned'
    WHEN mb.member_id IS NULL THEN 'not_member'
    WHEN coalesce(mb.muted_until, 0) > ?1->>'now' THEN 'muted'
    WHEN NOT ${IS_LIVE} THEN 'forbidden'
    WHEN o.value->>'thread_id' IS NOT NULL AND NOT EXISTS (SELECT 1 FROM channel_messages AS root
      WHERE root.id = o.value->>'thread_id' AND root.channel_id = c.id AND root.deleted_at IS NULL) THEN 'thread_not_found'
    WHEN NOT ${FILES_THERE} THEN 'attachment_not_found'
    ELSE 'unavailable' END AS reason
FROM json_each(?1, '$.offers') AS o
LEFT JOIN channel_messages AS s
  ON s.channel_id = ?1->>'channel' AND s.author_id = o.value->>'actor' AND s.nonce = o.value->>'nonce'
LEFT JOIN channels AS c ON c.id = ?1->>'channel' AND c.deleted_at IS NULL
LEFT JOIN channel_members AS mb ON mb.channel_id = c.id AND mb.member_id = o.value->>'actor'`

/** After the statements that made events: the channel has come as far as its log. Gives a `HeadRow`. */
export const CLOSE_GROUP = `
UPDATE channels SET last_seq = coalesce((SELECT max(seq) FROM channel_events WHERE channel_id = ?1->>'channel'), last_seq)
WHERE id = ?1->>'channel' RETURNING ${HEAD}`

type FoundRow = { key: number; muted_until: number | null } & (
  | { id: string; seq: number; send_hash: string; created_at: number; reason: null }
  | { id: null; reason: string }
)

/** Why a message was not stored. Who is no member may join, and try again. */
export type Refused = { code: Refusal | 'not_member'; mutedUntil?: number }

/** The statements that store a group of messages, of which the last gives a `HeadRow`. */
export const storeMessages = (
  d1: D1Database,
  input: string,
  offers: SendMessage[],
  hasChatbots: boolean,
): D1PreparedStatement[] =>
  [
    accept(hasChatbots),
    LOG,
    ...(offers.some(({ thread_id }) => thread_id !== null) ? [COUNT_REPLIES] : []),
    ...(offers.some(({ names, thread_id }) => names.length > 0 || (hasChatbots && thread_id !== null)) ? [NAME] : []),
    ...(offers.some(({ attachments }) => attachments.length > 0) ? [ATTACH] : []),
    CLOSE_GROUP,
  ].map((sql) => d1.prepare(sql).bind(input))

/** What became of each of the offers: a message of now or of earlier, or a refusal. `made` are the events of the batch. */
export async function resultsOf(
  d1: D1Database,
  input: string,
  offers: SendMessage[],
  made: EventRow[],
): Promise<(Accepted | Refused)[]> {
  const bySent = new Map(made.map((row) => [row.type === 'message' ? row.message_id : null, row]))
  const isOld = offers.some(({ id }) => !bySent.has(id))
  const found = isOld ? (await inTime(d1.prepare(FOUND).bind(input).all<FoundRow>())).results : []
  const byKey = new Map(found.map((row) => [row.key, row]))
  return offers.map(({ id, hash }, key) => {
    const { seq, created_at } = bySent.get(id) ?? {}
    if (seq !== undefined) return { id, seq, created_at: created_at!, duplicate: false }
    const row = byKey.get(key)!
    if (row.id === null) {
      return { code: row.reason as Refused['code'], ...(row.muted_until && { mutedUntil: row.muted_until }) }
    }
    if (row.send_hash !== hash) return { code: 'nonce_conflict' }
    return { id: row.id, seq: row.seq, created_at: row.created_at, duplicate: row.id !== id }
  })
}
