DROP INDEX `messages_conversation`;--> statement-breakpoint
CREATE INDEX `messages_by_depth` ON `messages` (`conversation_id`,`depth`,`id`);--> statement-breakpoint
CREATE INDEX `conversations_user` ON `conversations` (`user_id`,`id`);--> statement-breakpoint

-- From here on written by hand: drizzle-kit knows neither triggers nor virtual tables. Why so: docs/decisions/008-search.md.

-- Whose a text is stands in the index as a word of its own, so that a search meets nobody else's rows.
CREATE VIRTUAL TABLE message_search USING fts5(
  owner, text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
--> statement-breakpoint
CREATE VIRTUAL TABLE title_search USING fts5(
  owner, text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
--> statement-breakpoint

-- Chinese, Japanese and Korean are written without spaces between words, or with endings: each of their characters
-- becomes a word. Parts of 250 characters, as finding the nth of a long text takes as long as that text is.
CREATE VIEW message_search_rows AS SELECT
  m.rowid AS place,
  replace(c.user_id, '-', '') AS owner,
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
FROM messages m JOIN conversations c ON c.id = m.conversation_id AND c.state <> 'temporary'
WHERE m.status <> 'in_progress' AND m.content <> '';
--> statement-breakpoint
CREATE VIEW title_search_rows AS SELECT
  rowid AS place,
  replace(user_id, '-', '') AS owner,
  iif(title NOT GLOB '*[⺀-鿿가-힣豈-﫿𠀀-𱍊]*', title, (
    WITH RECURSIVE letter(nth) AS (SELECT 1 UNION ALL SELECT nth + 1 FROM letter WHERE nth < length(title))
    SELECT group_concat(
      iif(substr(title, nth, 1) GLOB '[⺀-鿿가-힣豈-﫿𠀀-𱍊]', ' ' || substr(title, nth, 1) || ' ', substr(title, nth, 1)),
      '' ORDER BY nth
    ) FROM letter
  )) AS text
FROM conversations WHERE state <> 'temporary' AND title <> '';
--> statement-breakpoint

-- A reply is indexed when it has ended, however it has.
CREATE TRIGGER messages_searchable AFTER INSERT ON messages WHEN new.status <> 'in_progress' BEGIN
  INSERT INTO message_search (rowid, owner, text) SELECT * FROM message_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER messages_reworded AFTER UPDATE OF content, status ON messages
WHEN new.status <> 'in_progress' AND (old.status = 'in_progress' OR old.content <> new.content) BEGIN
  DELETE FROM message_search WHERE rowid = new.rowid;
  INSERT INTO message_search (rowid, owner, text) SELECT * FROM message_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER messages_unsearchable AFTER DELETE ON messages BEGIN
  DELETE FROM message_search WHERE rowid = old.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER conversations_searchable AFTER INSERT ON conversations WHEN new.title <> '' BEGIN
  INSERT INTO title_search (rowid, owner, text) SELECT * FROM title_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER conversations_renamed AFTER UPDATE OF title ON conversations WHEN old.title IS NOT new.title BEGIN
  DELETE FROM title_search WHERE rowid = new.rowid;
  INSERT INTO title_search (rowid, owner, text) SELECT * FROM title_search_rows WHERE place = new.rowid;
END;
--> statement-breakpoint
CREATE TRIGGER conversations_unsearchable AFTER DELETE ON conversations BEGIN
  DELETE FROM title_search WHERE rowid = old.rowid;
END;
--> statement-breakpoint

-- What was there before.
INSERT INTO message_search (rowid, owner, text) SELECT * FROM message_search_rows;
--> statement-breakpoint
INSERT INTO title_search (rowid, owner, text) SELECT * FROM title_search_rows;
