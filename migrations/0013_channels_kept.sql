-- Written by hand: drizzle-kit knows neither triggers nor virtual tables. Why so: docs/decisions/008-search.md.

-- Which channel a text is in stands in the index as a word of its own, so that a search meets no other's rows; of a name, that
-- its channel is public.
CREATE VIRTUAL TABLE channel_message_search USING fts5(
  channel, text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
--> statement-breakpoint
CREATE VIRTUAL TABLE channel_name_search USING fts5(
  scope, text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
--> statement-breakpoint
CREATE VIEW channel_message_search_rows AS SELECT
  m.rowid AS place,
  replace(m.channel_id, '-', '') AS channel,
  iif(m.content NOT GLOB '*[⺀-鿿가-힣豈-﫿𠀀-𱍊]*', m.content, (
    WITH RECURSIVE part(at, text) AS (
      SELECT 1, substr(m.content, 1, 250)
      UNION ALL SELECT at + 250, substr(m.content, at + 250, 250) FROM part WHERE at + 250 <= length(m.content)
    )
    SELECT group_concat(spaced, '' ORDER BY at) FROM (
      SELECT at, (
        WITH RECURSIVE letter(nth) AS (SELECT 1 UNION ALL SELECT nth + 1 FROM letter WHERE nth < length(part.text))
        SELECT group_concat(
          iif(substr(part.text, nth, 1) GLOB '[⺀-鿿가-힣豈-﫿𠀀-𱍊]', ' ' || substr(part.text, nth, 1) || ' ', substr(part.text, nth, 1)),
          '' ORDER BY nth
        ) FROM letter
      ) AS spaced FROM part
    )
  )) AS text
FROM channel_messages m
WHERE m.content <> '';
--> statement-breakpoint
-- In names, too, each character of Chinese, Japanese and Korean is a word.
CREATE VIEW channel_name_search_rows AS SELECT
  rowid AS place,
  'public' AS scope,
  (SELECT iif(words NOT GLOB '*[⺀-鿿가-힣豈-﫿𠀀-𱍊]*', words, (
    WITH RECURSIVE letter(nth) AS (SELECT 1 UNION ALL SELECT nth + 1 FROM letter WHERE nth < length(words))
    SELECT group_concat(
      iif(substr(words, nth, 1) GLOB '[⺀-鿿가-힣豈-﫿𠀀-𱍊]', ' ' || substr(words, nth, 1) || ' ', substr(words, nth, 1)),
      '' ORDER BY nth
    ) FROM letter
  )) FROM (SELECT name || ' ' || coalesce(description, '') AS words)) AS text
FROM channels WHERE visibility = 'public' AND kind = 'channel' AND deleted_at IS NULL;
--> statement-breakpoint

CREATE TRIGGER channel_messages_searchable AFTER INSERT ON channel_messages WHEN new.content <> '' BEGIN
  INSERT INTO channel_message_search (rowid, channel, text) SELECT * FROM channel_message_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER channel_messages_reworded AFTER UPDATE OF content ON channel_messages WHEN old.content IS NOT new.content BEGIN
  DELETE FROM channel_message_search WHERE rowid = new.rowid;
  INSERT INTO channel_message_search (rowid, channel, text) SELECT * FROM channel_message_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER channel_messages_removed BEFORE DELETE ON channel_messages BEGIN
  DELETE FROM channel_message_search WHERE rowid = old.rowid;
  DELETE FROM channel_message_versions WHERE message_id = old.id;
  DELETE FROM channel_attachments WHERE message_id = old.id;
  DELETE FROM channel_mentions WHERE message_id = old.id;
  DELETE FROM reactions WHERE message_id = old.id;
END;
--> statement-breakpoint
CREATE TRIGGER channels_findable AFTER INSERT ON channels BEGIN
  INSERT INTO channel_name_search (rowid, scope, text) SELECT * FROM channel_name_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER channels_renamed AFTER UPDATE OF name, description, visibility, deleted_at ON channels BEGIN
  DELETE FROM channel_name_search WHERE rowid = new.rowid;
  INSERT INTO channel_name_search (rowid, scope, text) SELECT * FROM channel_name_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER channels_removed AFTER DELETE ON channels BEGIN
  DELETE FROM channel_name_search WHERE rowid = old.rowid;
END;
--> statement-breakpoint

-- A file lives as long as a message has it, of a conversation (migrations/0011) or of a channel.
DROP TRIGGER files_left;
--> statement-breakpoint
CREATE TRIGGER files_left AFTER DELETE ON message_files BEGIN
  UPDATE files SET state = 'deleted', sweep_at = 0
  WHERE id = old.file_id AND state = 'ready'
    AND NOT EXISTS (SELECT 1 FROM message_files WHERE file_id = old.file_id)
    AND NOT EXISTS (SELECT 1 FROM channel_attachments WHERE file_id = old.file_id);
END;
--> statement-breakpoint
CREATE TRIGGER files_detached AFTER DELETE ON channel_attachments BEGIN
  UPDATE files SET state = 'deleted', sweep_at = 0
  WHERE id = old.file_id AND state = 'ready'
    AND NOT EXISTS (SELECT 1 FROM message_files WHERE file_id = old.file_id)
    AND NOT EXISTS (SELECT 1 FROM channel_attachments WHERE file_id = old.file_id);
END;
--> statement-breakpoint
-- Of a file that goes with its owner's account no message tells the name any more; the messages stay.
CREATE TRIGGER files_unlinked BEFORE DELETE ON files BEGIN
  UPDATE channel_messages SET attachments = (
    SELECT json_group_array(json(a.value)) FROM json_each(channel_messages.attachments) a WHERE a.value->>'id' <> old.id
  ) WHERE id IN (SELECT message_id FROM channel_attachments WHERE file_id = old.id);
  DELETE FROM channel_attachments WHERE file_id = old.id;
END;
