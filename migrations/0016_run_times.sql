-- Written by hand: drizzle-kit knows no triggers. Why counters: docs/decisions/005-counters.md.

-- How long completed runs took, of those that somebody waited for: how many of a day took up to 2^(n/2) ms, and longer
-- than the n before. It is what percentiles are told from.
CREATE TRIGGER usage_timed AFTER INSERT ON usage_ledger WHEN new.status = 'completed' AND new.kind <> 'title' BEGIN
  INSERT INTO counters (day, name, value)
  VALUES (
    new.created_at / 86400000,
    'took_' || CAST(ceil(2 * log2(max(1, new.created_at - new.admitted_at))) AS INTEGER),
    1
  )
  ON CONFLICT DO UPDATE SET value = value + 1;
END;
--> statement-breakpoint

-- What was there before.
INSERT INTO counters (day, name, value)
SELECT created_at / 86400000, 'took_' || CAST(ceil(2 * log2(max(1, created_at - admitted_at))) AS INTEGER), count(*)
FROM usage_ledger WHERE status = 'completed' AND kind <> 'title' AND admitted_at > 0 GROUP BY 1, 2;
