import { env } from 'cloudflare:workers'

const AT_ONCE = 20_000

/** Ids of the rows, so old that what the tests make is newer. */
export const idOf = (n: number) => `01000000-0000-7000-8000-${String(n).padStart(12, '0')}`
const ID = (offset: string | number = 0) => `printf('01000000-0000-7000-8000-%012d', i + ${offset})`

/** Numbers of a channel that are left to what is said in it between the first rows and the others. */
const GAP = 1_000
const SEQ = `i + 10 + iif(i < ${GAP}, 0, ${GAP})`

/** Whose the rows are, and what they are in. */
export type Place = {
  user: string
  channel: string
  /** The message that all others of the channel reply and that all react to. */
  root: string
  /** Whose messages follow each other. */
  long: string
  /** All of whose messages are first ones. */
  wide: string
  project: string
  share: string
  chatbot: string
}

/** Row `i` of each table, of `n(i)`. */
const tables = (of: Place) => {
  const now = Date.now()
  return [
    `INSERT INTO users (id, email, username, display_name, password_hash, role, plan, created_at, updated_at)
     SELECT ${ID()}, 'user' || i || '@example.com', 'user' || i, 'User number ' || i, '', 'user', 'free', ${now} - i, 0 FROM n`,
    `INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at)
     SELECT ${ID()}, '${of.user}', i, ${now}, ${now + 86_400_000} FROM n`,
    `INSERT INTO projects (id, user_id, name, color, created_at, updated_at)
     SELECT ${ID()}, '${of.user}', 'Project', 'red', i, i FROM n`,
    `INSERT INTO conversations (id, user_id, project_id, title, state, pinned_at, tags, created_at, updated_at)
     SELECT ${ID()}, '${of.user}', iif(i % 2, '${of.project}', NULL), 'Title ' || i, iif(i % 10 = 0, 'archived', 'active'), iif(i % 3, i, NULL),
       iif(i % 4, '["work"]', '[]'), i, i FROM n`,
    `INSERT INTO messages (id, conversation_id, parent_id, depth, role, content, status, tokens, created_at, updated_at)
     SELECT ${ID()}, '${of.long}', iif(i > 0, ${ID(-1)}, NULL), i + 1, iif(i % 2, 'assistant', 'user'), 'the quick fox ' || i, 'completed', 5, i, i FROM n`,
    `INSERT INTO messages (id, conversation_id, depth, role, content, status, tokens, created_at, updated_at)
     SELECT ${ID(1e9)}, '${of.wide}', 1, 'user', 'Hi', 'completed', 5, i, i FROM n WHERE i % 10 = 0`,
    `INSERT INTO shares (id, user_id, conversation_id, token, created_at)
     SELECT ${ID()}, '${of.user}', '${of.wide}', printf('%043d', i), i FROM n`,
    `INSERT INTO shared_messages (share_id, place, role, content, created_at)
     SELECT '${of.share}', i + 10, 'user', 'Hi', i FROM n`,
    `INSERT INTO runs (id, kind, user_id, conversation_id, status, model, context, warnings, lease_until, created_at, ended_at)
     SELECT ${ID()}, 'reply', '${of.user}', '${of.long}', 'completed', 'parley-offline', '{"sent":1,"dropped":0,"tokens":1}', '[]', 0, i, i FROM n`,
    `INSERT INTO usage_ledger (id, run_id, user_id, conversation_id, kind, model, admitted_at, period_start, messages, calls, input_tokens,
       cached_tokens, output_tokens, reasoning_tokens, charged_tokens, cost_microusd, estimated, status, created_at)
     SELECT ${ID()}, ${ID()}, '${of.user}', '${of.long}', 'reply', 'parley-offline', 1e9 + i * 10000, 1e9, 1, 1, 1, 0, 1, 0, 2, 0, 0, 'completed', 1e9 + i FROM n`,
    `INSERT INTO files (id, user_id, state, name, size, media_type, kind, sha256, object_key, text_status, created_at)
     SELECT ${ID()}, '${of.user}', 'ready', 'x', 1, 'text/plain', iif(i % 2, 'text', 'image'), printf('%064d', 0), 'files/' || i,
       iif(i % 2, 'ready', NULL), i FROM n`,
    `INSERT INTO audit_log (id, at, actor_id, action, target_type, target_id, fields, outcome)
     SELECT ${ID()}, i, '${of.user}', 'user.updated', 'user', '${of.user}', '[]', 'done' FROM n`,
    `INSERT INTO chatbots (id, user_id, name, created_at, updated_at) SELECT ${ID()}, '${of.user}', 'Chatbot ' || i, i, i FROM n`,
    `INSERT INTO chatbot_versions (chatbot_id, version, fallbacks, internet_enabled, files, created_at)
     SELECT ${ID()}, 1, '[]', 0, '[]', i FROM n`,
    `INSERT INTO chatbot_versions (chatbot_id, version, fallbacks, internet_enabled, files, created_at)
     SELECT '${of.chatbot}', i + 10, '[]', 0, '[]', i FROM n`,
    `INSERT INTO api_keys (id, chatbot_id, user_id, family_id, kind, hash, prefix, last_four, name, scopes, models, allowed_origins, created_at)
     SELECT ${ID()}, '${of.chatbot}', '${of.user}', ${ID()}, 'sk', 'h' || i, 'parley_sk_Ab3d', 'abcd', 'Key', '["chat"]', '[]', '[]', i FROM n`,
    `INSERT INTO channels (id, kind, visibility, name, owner_id, last_seq, created_at)
     SELECT ${ID()}, 'channel', 'public', 'Channel needle ' || i, '${of.user}', 0, i FROM n`,
    `INSERT INTO channel_members (channel_id, member_id, role, joined_at) SELECT '${of.channel}', ${ID()}, 'member', i FROM n`,
    `INSERT INTO channel_events (channel_id, seq, type, message_id, created_at)
     SELECT '${of.channel}', ${SEQ}, 'message', ${ID()}, i FROM n`,
    `INSERT INTO channel_messages (id, channel_id, seq, author_id, nonce, send_hash, content, thread_id, pinned_at, created_at)
     SELECT ${ID()}, '${of.channel}', ${SEQ}, '${of.user}', i, '', 'needle ' || i, '${of.root}', iif(i < 40, i, NULL), i FROM n`,
    `INSERT INTO channel_message_versions (message_id, version, content, replaced_at) SELECT ${ID()}, 1, 'Before', i FROM n`,
    `INSERT INTO channel_mentions (channel_id, member_id, seq, message_id) SELECT '${of.channel}', '*', ${SEQ}, ${ID()} FROM n`,
    `INSERT INTO reactions (message_id, user_id, emoji, channel_id, created_at) SELECT '${of.root}', ${ID()}, '👍', '${of.channel}', i FROM n`,
    `INSERT INTO channel_bans (channel_id, user_id, created_by, created_at) SELECT '${of.channel}', ${ID()}, '${of.user}', i FROM n`,
    `INSERT INTO channel_invites (id, channel_id, code_hash, created_by, created_at) SELECT ${ID()}, '${of.channel}', i, '${of.user}', i FROM n`,
    `INSERT INTO read_state (user_id, channel_id, read_seq, updated_at) SELECT ${ID()}, '${of.channel}', i, i FROM n`,
  ]
}

/** Gives each table its rows from `first` to the one before `end`, and says what that leads to. */
export async function addRows(place: Place, first: number, end: number): Promise<void> {
  for (const insert of tables(place)) {
    for (let from = first; from < end; from += AT_ONCE) {
      await env.DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2) ${insert}`,
      )
        .bind(from, Math.min(from + AT_ONCE, end))
        .run()
    }
  }
  await env.DB.batch([
    // How long a run took decides which of these it counts in, and a new one takes more than one that is there.
    env.DB.prepare(
      `INSERT INTO counters (day, name, value) SELECT ?, 'took_' || value, 0 FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`,
    ).bind(Math.floor(Date.now() / 86_400_000), JSON.stringify(Array.from({ length: 40 }, (_, at) => at))),
    env.DB.prepare('UPDATE conversations SET head_id = ? WHERE id = ?').bind(idOf(end - 1), place.long),
    env.DB.prepare('UPDATE conversations SET head_id = ? WHERE id = ?').bind(idOf(1e9), place.wide),
    env.DB.prepare('UPDATE channels SET last_seq = ? WHERE id = ?').bind(
      end + 9 + (end > GAP ? GAP : 0),
      place.channel,
    ),
    env.DB.prepare('UPDATE channel_messages SET reply_count = ?, reaction_counts = ? WHERE id = ?').bind(
      end,
      JSON.stringify({ '👍': end }),
      place.root,
    ),
  ])
}
