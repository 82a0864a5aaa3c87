-- Written by hand: drizzle-kit knows neither triggers nor virtual tables. Why counters: docs/decisions/005-counters.md.

-- users: how many there are, how many came on a day.
CREATE TRIGGER users_added AFTER INSERT ON users BEGIN
  INSERT INTO counters (day, name, value)
  VALUES (0, 'users', 1), (new.created_at / 86400000, 'users', 1), (new.created_at / 86400000, 'new_users', 1)
  ON CONFLICT DO UPDATE SET value = value + 1;
END;
--> statement-breakpoint
CREATE TRIGGER users_deleted AFTER UPDATE OF deleted_at ON users
WHEN old.deleted_at IS NULL AND new.deleted_at IS NOT NULL BEGIN
  INSERT INTO counters (day, name, value) VALUES (0, 'users', -1), (new.deleted_at / 86400000, 'users', -1)
  ON CONFLICT DO UPDATE SET value = value - 1;
  UPDATE users SET active_hour = NULL WHERE id = new.id;
END;
--> statement-breakpoint

-- Activity: a session that is opened or refreshed; a client in use refreshes every half hour.
CREATE TRIGGER sessions_opened AFTER INSERT ON sessions BEGIN
  UPDATE users SET active_hour = new.last_used_at / 3600000
  WHERE id = new.user_id AND coalesce(active_hour, 0) < new.last_used_at / 3600000 AND deleted_at IS NULL;
END;
--> statement-breakpoint
CREATE TRIGGER sessions_used AFTER UPDATE OF last_used_at ON sessions BEGIN
  UPDATE users SET active_hour = new.last_used_at / 3600000
  WHERE id = new.user_id AND coalesce(active_hour, 0) < new.last_used_at / 3600000 AND deleted_at IS NULL;
END;
--> statement-breakpoint
CREATE TRIGGER users_active AFTER UPDATE OF active_hour ON users WHEN new.active_hour IS NOT old.active_hour BEGIN
  UPDATE active_hours SET users = users - 1 WHERE hour = old.active_hour;
  INSERT INTO active_hours (hour, users) SELECT new.active_hour, 1 WHERE new.active_hour IS NOT NULL
  ON CONFLICT DO UPDATE SET users = users + 1;
  INSERT INTO counters (day, name, value) SELECT new.active_hour / 24, 'active_users', 1
  WHERE new.active_hour IS NOT NULL AND new.active_hour / 24 IS NOT old.active_hour / 24
  ON CONFLICT DO UPDATE SET value = value + 1;
END;
--> statement-breakpoint

-- conversations, messages: how many there are, how many were written on a day.
CREATE TRIGGER conversations_added AFTER INSERT ON conversations BEGIN
  INSERT INTO counters (day, name, value) VALUES (0, 'conversations', 1) ON CONFLICT DO UPDATE SET value = value + 1;
END;
--> statement-breakpoint
CREATE TRIGGER conversations_removed AFTER DELETE ON conversations BEGIN
  UPDATE counters SET value = value - 1 WHERE day = 0 AND name = 'conversations';
END;
--> statement-breakpoint
CREATE TRIGGER messages_added AFTER INSERT ON messages BEGIN
  INSERT INTO counters (day, name, value) VALUES (0, 'messages', 1), (new.created_at / 86400000, 'messages', 1)
  ON CONFLICT DO UPDATE SET value = value + 1;
END;
--> statement-breakpoint
CREATE TRIGGER messages_removed AFTER DELETE ON messages BEGIN
  UPDATE counters SET value = value - 1 WHERE day = 0 AND name = 'messages';
END;
--> statement-breakpoint

-- The ledger: tokens and ended runs of a day.
CREATE TRIGGER usage_added AFTER INSERT ON usage_ledger BEGIN
  INSERT INTO counters (day, name, value)
  VALUES (0, 'tokens', new.charged_tokens), (new.created_at / 86400000, 'tokens', new.charged_tokens),
    (0, 'runs', 1), (new.created_at / 86400000, 'runs_' || new.status, 1)
  ON CONFLICT DO UPDATE SET value = value + excluded.value;
END;
--> statement-breakpoint

-- One index answers every combination of search and filters: names for the eye, facets for the filters.
CREATE VIRTUAL TABLE user_search USING fts5(
  names, facets, content='', contentless_delete=1, tokenize='trigram remove_diacritics 1'
);
--> statement-breakpoint
CREATE VIEW user_search_rows AS SELECT
  rowid AS place,
  coalesce(email, '') || char(10) || coalesce(username, '') || char(10) || display_name AS names,
  'role=' || role || ' plan=' || plan || ' state=' || iif(disabled_at IS NULL, 'active', 'disabled') || ' ' AS facets
FROM users WHERE deleted_at IS NULL;
--> statement-breakpoint
CREATE TRIGGER users_searchable AFTER INSERT ON users BEGIN
  INSERT INTO user_search (rowid, names, facets) SELECT * FROM user_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER users_changed AFTER UPDATE OF email, username, display_name, role, plan, disabled_at, deleted_at ON users
BEGIN
  DELETE FROM user_search WHERE rowid = new.rowid;
  INSERT INTO user_search (rowid, names, facets) SELECT * FROM user_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER users_removed AFTER DELETE ON users BEGIN
  DELETE FROM user_search WHERE rowid = old.rowid;
  UPDATE active_hours SET users = users - 1 WHERE hour = old.active_hour;
  INSERT INTO counters (day, name, value) SELECT 0, 'users', -1 WHERE old.deleted_at IS NULL
  UNION ALL SELECT unixepoch() / 86400, 'users', -1 WHERE old.deleted_at IS NULL
  ON CONFLICT DO UPDATE SET value = value - 1;
END;
--> statement-breakpoint

-- What was there before.
INSERT INTO counters (day, name, value)
SELECT 0, 'users', count(*) FROM users
UNION ALL SELECT 0, 'conversations', count(*) FROM conversations
UNION ALL SELECT 0, 'messages', count(*) FROM messages
UNION ALL SELECT 0, 'runs', count(*) FROM usage_ledger
UNION ALL SELECT 0, 'tokens', coalesce(sum(charged_tokens), 0) FROM usage_ledger;
--> statement-breakpoint
INSERT INTO counters (day, name, value)
SELECT created_at / 86400000, 'users', count(*) FROM users GROUP BY 1
UNION ALL SELECT created_at / 86400000, 'new_users', count(*) FROM users GROUP BY 1
UNION ALL SELECT created_at / 86400000, 'messages', count(*) FROM messages GROUP BY 1
UNION ALL SELECT created_at / 86400000, 'tokens', sum(charged_tokens) FROM usage_ledger GROUP BY 1
UNION ALL SELECT created_at / 86400000, 'runs_' || status, count(*) FROM usage_ledger GROUP BY 1, 2;
--> statement-breakpoint
UPDATE users SET active_hour = (SELECT max(last_used_at) / 3600000 FROM sessions WHERE user_id = users.id);
--> statement-breakpoint
INSERT INTO user_search (rowid, names, facets) SELECT * FROM user_search_rows;
