import type { DatabaseSync } from 'node:sqlite'

/** Rows that each of these finds are what must never be: also in the moment after a kill. */
const ALWAYS: Record<string, string> = {
  'a reply has the status of its run': `
    SELECT m.id, m.status, r.status AS run FROM messages m JOIN runs r ON r.id = m.run_id WHERE m.status <> r.status`,
  'a conversation has one run at a time': `
    SELECT conversation_id FROM runs WHERE status = 'in_progress' AND kind = 'reply' GROUP BY 1 HAVING count(*) > 1`,
  'a run that has ended is in the ledger, with its status': `
    SELECT r.id, r.status, l.status AS ledger FROM runs r LEFT JOIN usage_ledger l ON l.run_id = r.id
    WHERE r.status <> 'in_progress' AND r.status IS NOT l.status`,
  'a run that goes on is not in the ledger': `
    SELECT r.id FROM runs r JOIN usage_ledger l ON l.run_id = r.id WHERE r.status = 'in_progress'`,
  'held is what is reserved': `
    SELECT q.*, r.messages, r.tokens FROM quota_periods q LEFT JOIN (
      SELECT subject, period_start, sum(messages) AS messages, sum(input_tokens + output_tokens) AS tokens FROM (
        SELECT subject, period_start, messages, input_tokens, output_tokens FROM reservations
        UNION ALL SELECT key_subject, period_start, messages, input_tokens, output_tokens FROM reservations
        WHERE key_subject IS NOT NULL) GROUP BY 1, 2
    ) r USING (subject, period_start)
    WHERE q.messages_held <> coalesce(r.messages, 0) OR q.tokens_held <> coalesce(r.tokens, 0)`,
  'only runs that go on hold something': `
    SELECT run_id FROM reservations WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = run_id AND status = 'in_progress')`,
  'what users have used is what the ledger says': `
    SELECT q.*, l.messages, l.tokens FROM quota_periods q LEFT JOIN (
      SELECT 'user:' || user_id AS subject, period_start, sum(messages) AS messages, sum(charged_tokens) AS tokens
      FROM usage_ledger GROUP BY 1, 2
    ) l USING (subject, period_start)
    WHERE subject LIKE 'user:%' AND (q.messages_used <> coalesce(l.messages, 0) OR q.tokens_used <> coalesce(l.tokens, 0))`,
  'what keys have used is what the ledger says': `
    SELECT q.*, l.tokens FROM quota_periods q LEFT JOIN (
      SELECT 'key:' || k.family_id AS subject, period_start, sum(charged_tokens) AS tokens
      FROM usage_ledger u JOIN api_keys k ON k.id = u.api_key_id GROUP BY 1, 2
    ) l USING (subject, period_start)
    WHERE subject LIKE 'key:%' AND q.tokens_used <> coalesce(l.tokens, 0)`,
  'the sums of days are those of the ledger': `
    SELECT d.*, l.n FROM (SELECT user_id, day, value, runs, charged_tokens FROM usage_days WHERE dimension = 'model' AND user_id <> '*') d
    FULL JOIN (SELECT user_id, admitted_at / 86400000 * 86400000 AS day, model AS value, count(*) AS n, sum(charged_tokens) AS tokens
      FROM usage_ledger GROUP BY 1, 2, 3) l USING (user_id, day, value)
    WHERE d.runs IS NOT l.n OR d.charged_tokens IS NOT l.tokens`,
  'what is counted is there': `
    SELECT c.name, c.value, t.n FROM (
      SELECT 'messages' AS name, count(*) AS n FROM messages UNION ALL SELECT 'conversations', count(*) FROM conversations
      UNION ALL SELECT 'runs', count(*) FROM usage_ledger UNION ALL SELECT 'tokens', sum(charged_tokens) FROM usage_ledger
      UNION ALL SELECT 'files', count(*) FROM files WHERE state <> 'deleted'
      UNION ALL SELECT 'users', count(*) FROM users WHERE deleted_at IS NULL
      UNION ALL SELECT 'projects', count(*) FROM projects
    ) t LEFT JOIN counters c ON c.name = t.name AND c.day = 0
    WHERE coalesce(c.value, 0) <> coalesce(t.n, 0)`,
  'storage is what files take': `
    SELECT s.*, f.bytes AS found FROM storage_use s LEFT JOIN (
      SELECT user_id, sum(size) AS bytes, count(*) AS files FROM files WHERE state <> 'deleted' GROUP BY 1) f USING (user_id)
    WHERE s.bytes <> coalesce(f.bytes, 0) OR s.files <> coalesce(f.files, 0)`,
  'the numbers of a channel have no gap and no repeat': `
    SELECT c.id, c.last_seq, e.n, e.lowest, e.highest FROM channels c
    LEFT JOIN (SELECT channel_id, count(*) AS n, min(seq) AS lowest, max(seq) AS highest FROM channel_events GROUP BY 1) e
      ON e.channel_id = c.id
    WHERE c.last_seq <> coalesce(e.highest, 0) OR e.n <> e.highest - e.lowest + 1 OR e.lowest <> c.oldest_seq`,
  'a message of a channel is an event of the same number': `
    SELECT m.id, m.seq, e.message_id FROM channel_messages m
    FULL JOIN (SELECT * FROM channel_events WHERE type = 'message') e ON e.channel_id = m.channel_id AND e.seq = m.seq
    WHERE m.id IS NOT e.message_id`,
  'reactions are counted': `
    SELECT m.id, m.reaction_counts, r.n FROM channel_messages m
    LEFT JOIN (SELECT message_id, count(*) AS n FROM reactions GROUP BY 1) r ON r.message_id = m.id
    WHERE m.deleted_at IS NULL
      AND coalesce((SELECT sum(value) FROM json_each(m.reaction_counts)), 0) <> coalesce(r.n, 0)`,
  'replies are counted': `
    SELECT root.id, root.reply_count FROM channel_messages root
    WHERE root.reply_count <> (SELECT count(*) FROM channel_messages WHERE thread_id = root.id)`,
  'a conversation ends in a message of its own': `
    SELECT c.id, c.head_id FROM conversations c WHERE head_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM messages WHERE id = c.head_id AND conversation_id = c.id)`,
  'messages are a tree': `
    SELECT m.id FROM messages m LEFT JOIN messages p ON p.id = m.parent_id
    WHERE m.depth <> coalesce(p.depth, 0) + 1 OR (p.id IS NOT NULL AND p.conversation_id <> m.conversation_id)`,
  'a call of a chatbot has one run': `
    SELECT trigger_key FROM runs WHERE kind = 'channel' GROUP BY 1 HAVING count(*) > 1`,
}

/** And these once everything has come to its end. */
const SETTLED: Record<string, string> = {
  'no run goes on': `SELECT id, kind, runner, created_at FROM runs WHERE status = 'in_progress'`,
  'nothing is held': `SELECT * FROM reservations`,
  'a chatbot that was called has answered, or said why not': `
    SELECT n.channel_id, n.seq FROM channel_mentions n
    JOIN channel_messages m ON m.id = n.message_id AND m.author_kind = 'user' AND m.deleted_at IS NULL
    JOIN chatbots b ON b.id = n.member_id
    WHERE NOT EXISTS (SELECT 1 FROM runs r JOIN channel_messages a ON a.nonce = 'run:' || r.id
        WHERE r.trigger_key = 'channel:' || n.channel_id || ':' || n.seq || ':' || n.member_id)
      AND NOT EXISTS (SELECT 1 FROM channel_events f
        WHERE f.channel_id = n.channel_id AND f.type = 'chatbot.failed' AND f.message_id = n.message_id)`,
}

/** What is left of uploads that did not end is gone when the sweeper was there. */
const SWEPT: Record<string, string> = {
  'no file is half there': `SELECT id, state, upload_id, sweep_at FROM files WHERE state <> 'ready' OR sweep_at IS NOT NULL OR upload_id IS NOT NULL`,
  'no upload is going on': `SELECT file_id FROM uploads UNION ALL SELECT file_id FROM upload_parts`,
}

const found = (db: DatabaseSync, rules: Record<string, string>): string[] =>
  Object.entries(rules).flatMap(([rule, sql]) => {
    const rows = db.prepare(sql).all()
    const more = rows.length > 3 ? ` and ${rows.length - 3} more` : ''
    return rows.length === 0 ? [] : [`not so: ${rule}: ${JSON.stringify(rows.slice(0, 3))}${more}`]
  })

export const brokenAlways = (db: DatabaseSync): string[] => found(db, ALWAYS)
export const unsettled = (db: DatabaseSync): string[] => found(db, SETTLED)
export const unswept = (db: DatabaseSync): string[] => found(db, SWEPT)
