-- Written by hand: drizzle-kit knows no triggers. Bytes count from the pending row on, until its tombstone.
CREATE TRIGGER files_added AFTER INSERT ON files BEGIN
  INSERT INTO storage_use (user_id, bytes, files) VALUES (new.user_id, new.size, 1)
  ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, files = files + 1;
END;
--> statement-breakpoint
CREATE TRIGGER files_changed AFTER UPDATE OF size, state ON files
WHEN old.size <> new.size OR (old.state = 'deleted') <> (new.state = 'deleted') BEGIN
  UPDATE storage_use SET
    bytes = bytes + iif(new.state = 'deleted', 0, new.size) - iif(old.state = 'deleted', 0, old.size),
    files = files + (old.state = 'deleted') - (new.state = 'deleted')
  WHERE user_id = new.user_id;
END;
--> statement-breakpoint
CREATE TRIGGER files_removed AFTER DELETE ON files WHEN old.state <> 'deleted' BEGIN
  UPDATE storage_use SET bytes = bytes - old.size, files = files - 1 WHERE user_id = old.user_id;
END;
--> statement-breakpoint

-- Of all users: how many files there are, and by how many bytes a day changed the sum (migrations/0002).
CREATE TRIGGER storage_begun AFTER INSERT ON storage_use BEGIN
  INSERT INTO counters (day, name, value)
  VALUES (0, 'files', new.files), (0, 'storage_bytes', new.bytes), (unixepoch() / 86400, 'storage_bytes', new.bytes)
  ON CONFLICT DO UPDATE SET value = value + excluded.value;
END;
--> statement-breakpoint
CREATE TRIGGER storage_changed AFTER UPDATE ON storage_use BEGIN
  INSERT INTO counters (day, name, value)
  VALUES (0, 'files', new.files - old.files), (0, 'storage_bytes', new.bytes - old.bytes),
    (unixepoch() / 86400, 'storage_bytes', new.bytes - old.bytes)
  ON CONFLICT DO UPDATE SET value = value + excluded.value;
END;
--> statement-breakpoint

-- A file lives as long as a message has it: what the last one leaves is deleted, and the sweeper takes the object. A trigger,
-- as messages go in many ways: alone, with a subtree, a conversation, a project, an account, or by expiry.
CREATE TRIGGER messages_detached BEFORE DELETE ON messages BEGIN
  DELETE FROM message_files WHERE message_id = old.id;
END;
--> statement-breakpoint
CREATE TRIGGER files_left AFTER DELETE ON message_files BEGIN
  UPDATE files SET state = 'deleted', sweep_at = 0
  WHERE id = old.file_id AND state = 'ready' AND NOT EXISTS (SELECT 1 FROM message_files WHERE file_id = old.file_id);
END;
--> statement-breakpoint
CREATE TRIGGER files_finished AFTER UPDATE OF state ON files WHEN new.state = 'ready' BEGIN
  DELETE FROM upload_parts WHERE file_id = new.id;
  DELETE FROM uploads WHERE file_id = new.id;
END;
--> statement-breakpoint
CREATE TRIGGER files_forgotten BEFORE DELETE ON files BEGIN
  DELETE FROM file_texts WHERE file_id = old.id;
  DELETE FROM upload_parts WHERE file_id = old.id;
  DELETE FROM uploads WHERE file_id = old.id;
END;
