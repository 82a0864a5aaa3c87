-- Written by hand: drizzle-kit knows no triggers.

-- The index of tags follows the conversation's own list, and its place in the order of lists.
CREATE TRIGGER conversations_tagged AFTER INSERT ON conversations WHEN new.tags <> '[]' BEGIN
  INSERT INTO conversation_tags (conversation_id, tag, user_id, state, updated_at)
  SELECT DISTINCT new.id, value, new.user_id, new.state, new.updated_at FROM json_each(new.tags);
END;
--> statement-breakpoint
CREATE TRIGGER conversations_retagged AFTER UPDATE OF tags, state, updated_at ON conversations
WHEN old.tags <> '[]' OR new.tags <> '[]' BEGIN
  DELETE FROM conversation_tags
  WHERE conversation_id = new.id AND tag NOT IN (SELECT value FROM json_each(new.tags));
  INSERT INTO conversation_tags (conversation_id, tag, user_id, state, updated_at)
  SELECT DISTINCT new.id, value, new.user_id, new.state, new.updated_at FROM json_each(new.tags) WHERE true
  ON CONFLICT DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at;
END;
--> statement-breakpoint
CREATE TRIGGER conversations_untagged AFTER DELETE ON conversations WHEN old.tags <> '[]' BEGIN
  DELETE FROM conversation_tags WHERE conversation_id = old.id;
END;
--> statement-breakpoint

-- projects: how many there are.
CREATE TRIGGER projects_added AFTER INSERT ON projects BEGIN
  INSERT INTO counters (day, name, value) VALUES (0, 'projects', 1) ON CONFLICT DO UPDATE SET value = value + 1;
END;
--> statement-breakpoint
CREATE TRIGGER projects_removed AFTER DELETE ON projects BEGIN
  UPDATE counters SET value = value - 1 WHERE day = 0 AND name = 'projects';
END;
--> statement-breakpoint

-- What was there before: a reply knows the model that it was asked of.
UPDATE messages SET model = (SELECT model FROM runs WHERE runs.id = messages.run_id) WHERE run_id IS NOT NULL;
