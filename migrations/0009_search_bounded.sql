-- Written by hand. Of a text in which each letter is a word the first 8,000 are found: more takes seconds to index, in which
-- everybody else waits (docs/decisions/008-search.md).
DROP VIEW message_search_rows;
--> statement-breakpoint
CREATE VIEW message_search_rows AS SELECT
  m.rowid AS place,
  replace(c.user_id, '-', '') AS owner,
  iif(m.content NOT GLOB '*[⺀-鿿가-힣豈-﫿𠀀-𱍊]*', m.content, (
    WITH RECURSIVE part(at, text) AS (
      SELECT 1, substr(m.content, 1, 250)
      UNION ALL SELECT at + 250, substr(m.content, at + 250, 250) FROM part WHERE at + 250 <= min(length(m.content), 8000)
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
