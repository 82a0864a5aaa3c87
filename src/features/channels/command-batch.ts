import { type Command, MAX_CHANNELS, MAX_CHATBOTS_IN_CHANNEL, type SendMessage } from '../../lib/channel-commands.ts'
import { CLOSE_GROUP, mayNameAll, membersNamed } from './message-group.ts'

// Every command but a send is "event first": its event is written if the verdict is `ok`, then each change if the event was,
// then the channel has come as far as its log. Each statement takes one JSON: the command, {channel, now} beside it.

export type OtherCommand = Exclude<Command, SendMessage>

/** Each keeps the text of before. */
const MAX_EDITS = 200

const NOW = `?1->>'now'`
const CHANNEL_ID = `?1->>'channel'`
const ACTOR = `?1->>'actor'`
const TARGET = `?1->>'target'`
const EMOJI_PATH = `('$."' || (?1->>'emoji') || '"')`

/** All that a verdict looks at, of the moment in which the command would be done. */
const FACTS = `facts AS (SELECT c.id, c.kind, c.visibility, c.version AS channel_version, c.last_seq,
  a.role, coalesce(a.muted_until, 0) > ${NOW} AS is_muted, a.muted_until, ab.user_id IS NOT NULL AS is_banned,
  t.role AS target_role, t.member_kind AS target_kind, t.muted_until AS target_muted_until, tb.user_id IS NOT NULL AS target_banned,
  m.id AS message_id, m.author_id, m.deleted_at AS message_deleted_at, m.version AS message_version, m.pinned_at,
  m.reaction_counts
  FROM (SELECT 1)
  LEFT JOIN channels AS c ON c.id = ${CHANNEL_ID} AND c.deleted_at IS NULL
  LEFT JOIN channel_members AS a ON a.channel_id = ${CHANNEL_ID} AND a.member_id = ${ACTOR}
  LEFT JOIN channel_bans AS ab ON ab.channel_id = ${CHANNEL_ID} AND ab.user_id = ${ACTOR}
  LEFT JOIN channel_members AS t ON t.channel_id = ${CHANNEL_ID} AND t.member_id = ${TARGET}
  LEFT JOIN channel_bans AS tb ON tb.channel_id = ${CHANNEL_ID} AND tb.user_id = ${TARGET}
  LEFT JOIN channel_messages AS m ON m.id = ?1->>'message_id' AND m.channel_id = ${CHANNEL_ID})`

/** Who may see a channel; to everybody else a private one does not exist. */
const SEES = `WHEN id IS NULL OR (role IS NULL AND (visibility = 'private' OR kind = 'direct')) THEN 'not_found'
  WHEN is_banned THEN 'banned'`
const MUST_BE_MEMBER = `${SEES} WHEN role IS NULL THEN 'forbidden'`
const NOT_DIRECT = `WHEN kind = 'direct' THEN 'direct_channel'`
const MUST_MODERATE = `${MUST_BE_MEMBER} ${NOT_DIRECT} WHEN role = 'member' THEN 'forbidden'`
const MUST_OWN = `${MUST_BE_MEMBER} ${NOT_DIRECT} WHEN role <> 'owner' THEN 'forbidden'`
/** Of moderators, what they do to others: nobody is above the owner, and a moderator above members only. */
const IS_ABOVE = `(target_role = 'owner' OR (target_role = 'moderator' AND role <> 'owner'))`
const RANKS_ABOVE = `WHEN ${IS_ABOVE} THEN 'forbidden'`
const MESSAGE_THERE = `WHEN message_id IS NULL THEN 'not_found'`
const LIVE_MESSAGE = `${MESSAGE_THERE} WHEN message_deleted_at IS NOT NULL THEN 'gone'`
const UNMUTED = `WHEN is_muted THEN 'muted'`
const REACTED = `EXISTS (SELECT 1 FROM reactions AS r
  WHERE r.message_id = facts.message_id AND r.user_id = ${ACTOR} AND r.emoji = ?1->>'emoji')`
const MAY_PIN = `${MUST_BE_MEMBER} WHEN role = 'member' AND kind <> 'direct' THEN 'forbidden'`
const channelsFull = (user: string) => `WHEN (SELECT count(*) FROM (
    SELECT 1 FROM channel_members AS fm CROSS JOIN channels AS fc ON fc.id = fm.channel_id AND fc.deleted_at IS NULL
    WHERE fm.member_id = ${user} AND fc.kind = 'channel' LIMIT ${MAX_CHANNELS})) >= ${MAX_CHANNELS} THEN 'limit_reached'`
const USER_THERE = `EXISTS (SELECT 1 FROM users WHERE id = ${TARGET} AND deleted_at IS NULL)`
const CHATBOT = `SELECT 1 FROM chatbots WHERE id = ${TARGET} AND deleted_at IS NULL`
const SOMEBODY_THERE = `(${USER_THERE} OR EXISTS (${CHATBOT}))`
const OWN_CHATBOT = `EXISTS (${CHATBOT} AND user_id = ${ACTOR})`
/** It would be ambiguous who is called by it, or banned. */
const NAMED_LIKE_USER = `EXISTS (SELECT 1 FROM chatbots AS nb JOIN users AS nu ON nu.username = nb.handle WHERE nb.id = ${TARGET})`
const CHATBOTS_FULL = `WHEN (SELECT count(*) FROM channel_members
    WHERE channel_id = facts.id AND member_kind = 'chatbot') >= ${MAX_CHATBOTS_IN_CHANNEL} THEN 'limit_reached'`
/** A chatbot that was taken out does not come back by saying something. */
const USER_ACTS = `EXISTS (SELECT 1 FROM users WHERE id = ${ACTOR})`
/** The account of who acts is closed: what it is in and what it owns is being given up. */
const CLOSED = `EXISTS (SELECT 1 FROM users WHERE id = ${ACTOR} AND deleted_at IS NOT NULL)`
const OTHERS = `FROM channel_members AS om WHERE om.channel_id = facts.id AND om.member_kind = 'user' AND om.member_id <> ${ACTOR}`

const INVITE = `FROM channel_invites AS i WHERE i.id = ?1->>'invite_id' AND i.channel_id = ${CHANNEL_ID}
  AND i.revoked_at IS NULL AND coalesce(i.expires_at, ${NOW} + 1) > ${NOW} AND i.uses < coalesce(i.max_uses, i.uses + 1)`

/** When a command may be done, the event that it makes, and what it changes. */
type Plan = {
  /** Branches of a CASE over `facts`, which end in a refusal, or in `noop`: it is so already. */
  verdict: string
  event: string
  /** An expression over `facts` that gives JSON. */
  payload?: string
  /** Statements, each done if the event was. `DONE` stands for that. */
  changes: string[]
}

const DONE = `EXISTS (SELECT 1 FROM channels AS dc JOIN channel_events AS de ON de.channel_id = dc.id AND de.seq = dc.last_seq + 1
  WHERE dc.id = ${CHANNEL_ID} AND de.command_id = ?1->>'command_id')`

const ABOUT_ACTOR = `json_object('user_id', ${ACTOR})`
const aboutChatbot = (id: string) => `json_object('user_id', ${id}, 'kind', 'chatbot')`
const ABOUT_TARGET = `iif(EXISTS (SELECT 1 FROM chatbots WHERE id = ${TARGET}), ${aboutChatbot(TARGET)},
  json_object('user_id', ${TARGET}))`

/** Who was muted when they left is so still. */
const mutedBefore = (member: string) => `(SELECT until FROM channel_mutes
  WHERE user_id = ${member} AND channel_id = ${CHANNEL_ID} AND until > ${NOW})`
const about = (member: string) =>
  `json_object('user_id', ${member}, 'role', 'member', 'muted_until', ${mutedBefore(member)})`

const become = (member: string, kind: 'user' | 'chatbot') => [
  `INSERT INTO channel_members (channel_id, member_id, member_kind, role, muted_until, joined_at)
    SELECT ${CHANNEL_ID}, ${member}, '${kind}', 'member', ${mutedBefore(member)}, ${NOW} WHERE ${DONE}`,
  `DELETE FROM channel_mutes WHERE user_id = ${member} AND channel_id = ${CHANNEL_ID} AND ${DONE}`,
]
/** What was said before somebody came is not unread to them. */
const enter = (member: string) => [
  ...become(member, 'user'),
  `INSERT INTO read_state (user_id, channel_id, read_seq, updated_at)
    SELECT ${member}, id, last_seq + 1, ${NOW} FROM channels WHERE id = ${CHANNEL_ID} AND ${DONE}
    ON CONFLICT (user_id, channel_id) DO UPDATE SET read_seq = max(read_seq, excluded.read_seq), updated_at = excluded.updated_at`,
]
const exit = (member: string) => [
  `INSERT OR REPLACE INTO channel_mutes (user_id, channel_id, until)
    SELECT member_id, channel_id, muted_until FROM channel_members
    WHERE channel_id = ${CHANNEL_ID} AND member_id = ${member} AND muted_until > ${NOW} AND ${DONE}`,
  `DELETE FROM channel_members WHERE channel_id = ${CHANNEL_ID} AND member_id = ${member} AND ${DONE}`,
]

const audit = (
  action: string,
) => `INSERT INTO audit_log (id, at, actor_id, action, target_type, target_id, fields, outcome, request_id)
  SELECT ?1->>'audit_id', ${NOW}, ${ACTOR}, '${action}', 'channel', ${CHANNEL_ID}, '[]', 'done', ?1->>'request_id' WHERE ${DONE}`

/** An owner is not muted, as nobody could unmute them. */
const mutedAfter = (before: string) => `CASE WHEN ?1->>'role' = 'owner' THEN NULL
  WHEN json_type(?1, '$.muted_until') IS NULL THEN ${before} ELSE ?1->>'muted_until' END`

const COUNT = `coalesce(json_extract(reaction_counts, ${EMOJI_PATH}), 0)`

const MAY_NAME_ALL = `(EXISTS (SELECT 1 FROM json_each(mentions) WHERE value = '*')
  OR (SELECT ${mayNameAll('mb.role', 'mb.channel_id')} FROM channel_members AS mb
    WHERE mb.channel_id = ${CHANNEL_ID} AND mb.member_id = ${ACTOR}))`
/** A message calls chatbots when it is said: an edit calls no other, and takes no call back. */
const CALLED = `SELECT called.member_id FROM channel_mentions AS called JOIN chatbots AS b ON b.id = called.member_id
    WHERE called.message_id = ?1->>'message_id'`
const MENTIONED = `(SELECT json_group_array(id) FROM (
    ${membersNamed(`json_each(?1, '$.names')`, CHANNEL_ID, MAY_NAME_ALL)} UNION ${CALLED}))`

const PLANS: Record<OtherCommand['type'], Plan> = {
  'message.edit': {
    verdict: `${MUST_BE_MEMBER} ${LIVE_MESSAGE} WHEN author_id <> ${ACTOR} THEN 'forbidden' ${UNMUTED}
      WHEN ?1->>'version' IS NOT NULL AND message_version <> ?1->>'version' THEN 'precondition_failed'
      WHEN message_version > ${MAX_EDITS} THEN 'limit_reached'
      WHEN (SELECT content FROM channel_messages WHERE id = facts.message_id) = ?1->>'content' THEN 'noop'`,
    event: 'message.updated',
    changes: [
      `INSERT INTO channel_message_versions (message_id, version, content, replaced_at)
        SELECT id, version, content, ${NOW} FROM channel_messages WHERE id = ?1->>'message_id' AND ${DONE}`,
      `UPDATE channel_messages SET content = ?1->>'content', mentions = ${MENTIONED}, version = version + 1, edited_at = ${NOW}
        WHERE id = ?1->>'message_id' AND ${DONE}`,
      `DELETE FROM channel_mentions WHERE message_id = ?1->>'message_id' AND ${DONE} AND member_id NOT IN (
        SELECT n.value FROM channel_messages AS m JOIN json_each(m.mentions) AS n WHERE m.id = ?1->>'message_id')`,
      `INSERT OR IGNORE INTO channel_mentions (channel_id, member_id, seq, message_id)
        SELECT m.channel_id, n.value, m.seq, m.id FROM channel_messages AS m JOIN json_each(m.mentions) AS n
        WHERE m.id = ?1->>'message_id' AND NOT EXISTS (SELECT 1 FROM chatbots WHERE id = n.value) AND ${DONE}`,
    ],
  },
  'message.delete': {
    verdict: `${MUST_BE_MEMBER} ${MESSAGE_THERE}
      WHEN author_id <> ${ACTOR} AND (role = 'member' OR kind = 'direct') THEN 'forbidden'
      WHEN message_deleted_at IS NOT NULL THEN 'noop'`,
    event: 'message.deleted',
    changes: [
      `DELETE FROM channel_message_versions WHERE message_id = ?1->>'message_id' AND ${DONE}`,
      `DELETE FROM channel_mentions WHERE message_id = ?1->>'message_id' AND ${DONE}`,
      `DELETE FROM channel_attachments WHERE message_id = ?1->>'message_id' AND ${DONE}`,
      `DELETE FROM reactions WHERE message_id = ?1->>'message_id' AND ${DONE}`,
      `UPDATE channel_messages SET content = NULL, mentions = '[]', attachments = '[]', reaction_counts = '{}', pinned_at = NULL,
        pinned_by = NULL, version = version + 1, deleted_at = ${NOW}, deleted_by = ${ACTOR}
        WHERE id = ?1->>'message_id' AND ${DONE}`,
    ],
  },
  'reaction.add': {
    verdict: `${MUST_BE_MEMBER} ${UNMUTED} ${LIVE_MESSAGE} WHEN ${REACTED} THEN 'noop'
      WHEN ${COUNT} = 0 AND (SELECT count(*) FROM json_each(reaction_counts)) >= 20 THEN 'limit_reached'`,
    event: 'reaction.added',
    payload: `json_object('user_id', ${ACTOR}, 'emoji', ?1->>'emoji', 'count', ${COUNT} + 1)`,
    changes: [
      `INSERT INTO reactions (message_id, user_id, emoji, channel_id, created_at)
        SELECT ?1->>'message_id', ${ACTOR}, ?1->>'emoji', ${CHANNEL_ID}, ${NOW} WHERE ${DONE}`,
      `UPDATE channel_messages SET reaction_counts = json_set(reaction_counts, ${EMOJI_PATH}, ${COUNT} + 1)
        WHERE id = ?1->>'message_id' AND ${DONE}`,
    ],
  },
  'reaction.remove': {
    verdict: `${MUST_BE_MEMBER} ${UNMUTED} ${LIVE_MESSAGE} WHEN NOT ${REACTED} THEN 'noop'`,
    event: 'reaction.removed',
    payload: `json_object('user_id', ${ACTOR}, 'emoji', ?1->>'emoji', 'count', max(0, ${COUNT} - 1))`,
    changes: [
      `DELETE FROM reactions WHERE message_id = ?1->>'message_id' AND user_id = ${ACTOR} AND emoji = ?1->>'emoji' AND ${DONE}`,
      `UPDATE channel_messages SET reaction_counts = iif(${COUNT} > 1,
          json_set(reaction_counts, ${EMOJI_PATH}, ${COUNT} - 1), json_remove(reaction_counts, ${EMOJI_PATH}))
        WHERE id = ?1->>'message_id' AND ${DONE}`,
    ],
  },
  'pin.add': {
    verdict: `${MAY_PIN} ${LIVE_MESSAGE} WHEN pinned_at IS NOT NULL THEN 'noop'
      WHEN (SELECT count(*) FROM channel_messages WHERE channel_id = facts.id AND pinned_at IS NOT NULL) >= 50 THEN 'limit_reached'`,
    event: 'pin.added',
    changes: [
      `UPDATE channel_messages SET pinned_at = ${NOW}, pinned_by = ${ACTOR} WHERE id = ?1->>'message_id' AND ${DONE}`,
    ],
  },
  'pin.remove': {
    verdict: `${MAY_PIN} ${MESSAGE_THERE} WHEN pinned_at IS NULL THEN 'noop'`,
    event: 'pin.removed',
    changes: [
      `UPDATE channel_messages SET pinned_at = NULL, pinned_by = NULL WHERE id = ?1->>'message_id' AND ${DONE}`,
    ],
  },
  'member.join': {
    // An invitation opens what is private.
    verdict: `WHEN id IS NULL THEN 'not_found' WHEN role IS NOT NULL THEN 'noop'
      WHEN ?1->>'invite_id' IS NULL AND (visibility = 'private' OR kind = 'direct') THEN 'not_found'
      WHEN is_banned THEN 'banned' WHEN NOT ${USER_ACTS} THEN 'forbidden'
      WHEN ?1->>'invite_id' IS NOT NULL AND NOT EXISTS (SELECT 1 ${INVITE}) THEN 'gone'
      ${channelsFull(ACTOR)}`,
    event: 'member.joined',
    payload: about(ACTOR),
    changes: [...enter(ACTOR), `UPDATE channel_invites SET uses = uses + 1 WHERE id = ?1->>'invite_id' AND ${DONE}`],
  },
  'member.leave': {
    verdict: `WHEN id IS NULL OR (role IS NULL AND (visibility = 'private' OR kind = 'direct')) THEN 'not_found'
      WHEN kind = 'direct' AND NOT ${CLOSED} THEN 'direct_channel'
      WHEN role IS NULL THEN 'noop' WHEN role = 'owner' THEN 'last_owner'`,
    event: 'member.left',
    payload: `iif(${USER_ACTS}, ${ABOUT_ACTOR}, ${aboutChatbot(ACTOR)})`,
    changes: exit(ACTOR),
  },
  'member.add': {
    verdict: `${MUST_MODERATE} WHEN NOT ${USER_THERE} THEN 'not_found' WHEN target_banned THEN 'user_banned'
      WHEN target_role IS NOT NULL THEN 'noop' ${channelsFull(TARGET)}`,
    event: 'member.joined',
    payload: about(TARGET),
    changes: enter(TARGET),
  },
  'chatbot.add': {
    verdict: `${MUST_MODERATE} WHEN NOT ${OWN_CHATBOT} THEN 'not_found' WHEN target_banned THEN 'user_banned'
      WHEN target_role IS NOT NULL THEN 'noop' WHEN ${NAMED_LIKE_USER} THEN 'name_taken' ${CHATBOTS_FULL} ${channelsFull(TARGET)}`,
    event: 'member.joined',
    payload: `json_set(${about(TARGET)}, '$.kind', 'chatbot')`,
    changes: become(TARGET, 'chatbot'),
  },
  'chatbot.failed': {
    verdict: `WHEN id IS NULL THEN 'not_found'`,
    event: 'chatbot.failed',
    payload: `json_object('run_id', ?1->>'run_id', 'code', ?1->>'code')`,
    changes: [],
  },
  'member.remove': {
    verdict: `${MUST_MODERATE} ${RANKS_ABOVE} WHEN target_role IS NULL THEN 'noop'`,
    event: 'member.removed',
    payload: ABOUT_TARGET,
    changes: exit(TARGET),
  },
  'member.update': {
    verdict: `${MUST_MODERATE} WHEN target_role IS NULL THEN 'not_found'
      WHEN ?1->>'role' IS NOT NULL AND role <> 'owner' THEN 'forbidden'
      WHEN ?1->>'role' <> 'member' AND target_kind = 'chatbot' THEN 'forbidden'
      WHEN ?1->>'role' <> 'owner' AND target_role = 'owner' THEN 'last_owner'
      WHEN json_type(?1, '$.muted_until') IS NOT NULL AND ${IS_ABOVE} THEN 'forbidden'
      WHEN coalesce(?1->>'role', target_role) = target_role
        AND (json_type(?1, '$.muted_until') IS NULL OR target_muted_until IS ?1->>'muted_until') THEN 'noop'`,
    event: 'member.updated',
    payload: `json_patch(${ABOUT_TARGET}, json_object('role', coalesce(?1->>'role', target_role), 'muted_until',
      ${mutedAfter('target_muted_until')}))`,
    changes: [
      // Who hands a channel over remains its moderator; everybody sees both.
      `INSERT INTO channel_events (channel_id, seq, type, actor_id, payload, created_at)
        SELECT id, last_seq + 2, 'member.updated', ${ACTOR}, json_object('user_id', ${ACTOR}, 'role', 'moderator'), ${NOW}
        FROM channels WHERE id = ${CHANNEL_ID} AND ?1->>'role' = 'owner' AND ${DONE}`,
      `UPDATE channel_members SET role = 'moderator'
        WHERE channel_id = ${CHANNEL_ID} AND member_id = ${ACTOR} AND ?1->>'role' = 'owner' AND ${DONE}`,
      `UPDATE channel_members SET role = coalesce(?1->>'role', role),
          muted_until = ${mutedAfter('muted_until')}
        WHERE channel_id = ${CHANNEL_ID} AND member_id = ${TARGET} AND ${DONE}`,
      `UPDATE channels SET owner_id = ${TARGET}, version = version + 1
        WHERE id = ${CHANNEL_ID} AND ?1->>'role' = 'owner' AND ${DONE}`,
    ],
  },
  'member.ban': {
    verdict: `${MUST_MODERATE} WHEN NOT ${SOMEBODY_THERE} THEN 'not_found' ${RANKS_ABOVE} WHEN target_banned THEN 'noop'`,
    event: 'member.banned',
    payload: ABOUT_TARGET,
    changes: [
      audit('channel.user_banned'),
      `INSERT INTO channel_bans (channel_id, user_id, reason, created_by, created_at)
        SELECT ${CHANNEL_ID}, ${TARGET}, ?1->>'reason', ${ACTOR}, ${NOW} WHERE ${DONE}`,
      ...exit(TARGET),
    ],
  },
  'member.unban': {
    verdict: `${MUST_MODERATE} WHEN NOT ${SOMEBODY_THERE} THEN 'not_found' WHEN NOT target_banned THEN 'noop'`,
    event: 'member.unbanned',
    payload: ABOUT_TARGET,
    changes: [
      audit('channel.user_unbanned'),
      `DELETE FROM channel_bans WHERE channel_id = ${CHANNEL_ID} AND user_id = ${TARGET} AND ${DONE}`,
    ],
  },
  'channel.update': {
    verdict: `${MUST_MODERATE}
      WHEN ?1->>'version' IS NOT NULL AND channel_version <> ?1->>'version' THEN 'precondition_failed'`,
    event: 'channel.updated',
    changes: [
      `UPDATE channels SET name = coalesce(?1->>'$.changes.name', name),
          description = iif(json_type(?1, '$.changes.description') IS NULL, description, ?1->>'$.changes.description'),
          visibility = coalesce(?1->>'$.changes.visibility', visibility),
          slow_mode_s = coalesce(?1->>'$.changes.slow_mode_s', slow_mode_s), version = version + 1
        WHERE id = ${CHANNEL_ID} AND ${DONE}`,
    ],
  },
  'channel.delete': {
    // A closed account takes along what nobody else is in.
    verdict: `WHEN id IS NULL THEN 'not_found'
      WHEN ${CLOSED} THEN iif(role IS NULL, 'noop', iif(EXISTS (SELECT 1 ${OTHERS}), 'forbidden', 'ok')) ${MUST_OWN}`,
    event: 'channel.deleted',
    changes: [
      audit('channel.deleted'),
      `UPDATE channels SET deleted_at = ${NOW}, version = version + 1 WHERE id = ${CHANNEL_ID} AND ${DONE}`,
    ],
  },
  'owner.replace': {
    verdict: `WHEN NOT ${CLOSED} THEN 'forbidden'
      WHEN id IS NULL OR role IS NULL OR (role <> 'owner' AND kind <> 'direct') THEN 'noop'
      WHEN NOT EXISTS (SELECT 1 ${OTHERS}) THEN 'last_owner'
      WHEN kind = 'direct' THEN 'noop'`,
    event: 'member.updated',
    payload: `json_object('user_id', (SELECT om.member_id ${OTHERS}
      ORDER BY om.role <> 'moderator', om.joined_at, om.member_id LIMIT 1), 'role', 'owner')`,
    changes: [
      `UPDATE channel_members SET role = 'member' WHERE channel_id = ${CHANNEL_ID} AND member_id = ${ACTOR} AND ${DONE}`,
      `UPDATE channels SET version = version + 1, owner_id = (SELECT e.payload->>'user_id' FROM channel_events AS e
          WHERE e.channel_id = channels.id AND e.seq = channels.last_seq + 1)
        WHERE id = ${CHANNEL_ID} AND ${DONE}`,
      `UPDATE channel_members SET role = 'owner', muted_until = NULL WHERE channel_id = ${CHANNEL_ID} AND ${DONE}
        AND member_id = (SELECT owner_id FROM channels WHERE id = ${CHANNEL_ID})`,
    ],
  },
}

const verdictOf = ({ verdict }: Plan) => `CASE ${verdict} ELSE 'ok' END`

/** The type of the event that a command makes. */
export const eventOf = ({ type }: OtherCommand): string => PLANS[type].event

/** A row before anything is done: why not, if not, and as JSON the event that an earlier use of the same command id made. */
export type VerdictRow = { verdict: string; muted_until: number | null; done: string | null }

/** The statements of one command. The first gives a `VerdictRow`, and all of them take the same one parameter. */
export function commandStatements(d1: D1Database, command: OtherCommand, input: string): D1PreparedStatement[] {
  const plan = PLANS[command.type]
  const made = `(SELECT json_object('seq', seq, 'type', type, 'message_id', message_id) FROM channel_events WHERE channel_id = ${CHANNEL_ID} AND command_id = ?1->>'command_id')`
  return [
    `WITH ${FACTS} SELECT ${verdictOf(plan)} AS verdict, muted_until, ${made} AS done FROM facts`,
    `WITH ${FACTS} INSERT INTO channel_events (channel_id, seq, type, actor_id, message_id, command_id, payload, created_at)
      SELECT id, last_seq + 1, '${plan.event}', ${ACTOR}, message_id, ?1->>'command_id', ${plan.payload ?? 'NULL'}, ${NOW}
      FROM facts WHERE ${verdictOf(plan)} = 'ok' AND ${made} IS NULL`,
    ...plan.changes,
    CLOSE_GROUP,
  ].map((sql) => d1.prepare(sql).bind(input))
}
