CREATE INDEX `messages_replies` ON `messages` (`parent_id`,`conversation_id`,`id`);--> statement-breakpoint
DROP INDEX `messages_parent`;--> statement-breakpoint
DROP INDEX `messages_siblings`;
