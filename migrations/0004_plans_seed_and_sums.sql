-- Written by hand: drizzle-kit knows no triggers. The plans are those of docs/runs.md; an operator may change the rows.
INSERT INTO plans (id, messages_per_month, tokens_per_month, requests_per_minute, runs_at_once, storage_bytes, file_bytes, tiers) VALUES
  ('free', 200, 200000, 20, 2, 104857600, 10485760, '["basic"]'),
  ('pro', 5000, 10000000, 120, 10, 10737418240, 52428800, '["basic","standard"]'),
  ('team', 50000, 100000000, 600, 50, 107374182400, 94371840, '["basic","standard","premium"]');
--> statement-breakpoint
UPDATE users SET plan = 'free' WHERE plan NOT IN (SELECT id FROM plans);
--> statement-breakpoint

-- Sums of the ledger, by day and by month: kept with it, so that they equal it at any moment.
CREATE TRIGGER usage_summed AFTER INSERT ON usage_ledger BEGIN
  INSERT INTO usage_days (user_id, dimension, day, value, runs, messages, calls, input_tokens, cached_tokens, output_tokens,
    reasoning_tokens, charged_tokens, unbilled_tokens, cost_microusd)
  SELECT s.user_id, s.dimension, new.admitted_at / 86400000 * 86400000, s.value, 1, new.messages, new.calls,
    new.input_tokens, new.cached_tokens, new.output_tokens, new.reasoning_tokens, new.charged_tokens, new.unbilled_tokens,
    new.cost_microusd
  FROM (
    SELECT new.user_id AS user_id, 'model' AS dimension, new.model AS value
    UNION ALL SELECT new.user_id, 'conversation', coalesce(new.conversation_id, '')
    UNION ALL SELECT new.user_id, 'key', coalesce(new.api_key_id, '')
    UNION ALL SELECT '*', 'model', new.model
  ) s WHERE true
  ON CONFLICT DO UPDATE SET
    runs = runs + excluded.runs,
    messages = messages + excluded.messages,
    calls = calls + excluded.calls,
    input_tokens = input_tokens + excluded.input_tokens,
    cached_tokens = cached_tokens + excluded.cached_tokens,
    output_tokens = output_tokens + excluded.output_tokens,
    reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
    charged_tokens = charged_tokens + excluded.charged_tokens,
    unbilled_tokens = unbilled_tokens + excluded.unbilled_tokens,
    cost_microusd = cost_microusd + excluded.cost_microusd;
  INSERT INTO quota_periods (subject, period_start, messages_used, tokens_used)
  VALUES ('user:' || new.user_id, new.period_start, new.messages, new.charged_tokens)
  ON CONFLICT DO UPDATE SET
    messages_used = messages_used + excluded.messages_used,
    tokens_used = tokens_used + excluded.tokens_used;
END;
--> statement-breakpoint

-- What was there before: when a run was admitted, the sums, the month's use, and what running replies may still take.
UPDATE usage_ledger SET admitted_at = coalesce((SELECT created_at FROM runs WHERE runs.id = run_id), period_start);
--> statement-breakpoint
INSERT INTO usage_days
SELECT s.user_id, s.dimension, l.admitted_at / 86400000 * 86400000, s.value, count(*), sum(l.messages), sum(l.calls),
  sum(l.input_tokens), sum(l.cached_tokens), sum(l.output_tokens), sum(l.reasoning_tokens), sum(l.charged_tokens),
  sum(l.unbilled_tokens), sum(l.cost_microusd)
FROM usage_ledger l JOIN (
  SELECT id, user_id, 'model' AS dimension, model AS value FROM usage_ledger
  UNION ALL SELECT id, user_id, 'conversation', coalesce(conversation_id, '') FROM usage_ledger
  UNION ALL SELECT id, user_id, 'key', '' FROM usage_ledger
  UNION ALL SELECT id, '*', 'model', model FROM usage_ledger
) s ON s.id = l.id
GROUP BY 1, 2, 3, 4;
--> statement-breakpoint
INSERT INTO quota_periods (subject, period_start, messages_used, tokens_used)
SELECT 'user:' || user_id, period_start, sum(messages), sum(charged_tokens) FROM usage_ledger GROUP BY 1, 2;
--> statement-breakpoint
INSERT INTO reservations (run_id, call, subject, period_start, messages, input_tokens, output_tokens, message_room, parallel_room)
SELECT id, 1, 'user:' || user_id, unixepoch(created_at / 1000, 'unixepoch', 'start of month') * 1000, 1, 0, 1000000, 1, 1
FROM runs WHERE status = 'in_progress';
--> statement-breakpoint
INSERT INTO quota_periods (subject, period_start, messages_held, tokens_held)
SELECT subject, period_start, sum(messages), sum(output_tokens) FROM reservations WHERE true GROUP BY 1, 2
ON CONFLICT DO UPDATE SET messages_held = excluded.messages_held, tokens_held = excluded.tokens_held;
