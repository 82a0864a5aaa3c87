CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`chatbot_id` text NOT NULL,
	`user_id` text NOT NULL,
	`family_id` text NOT NULL,
	`rotated_from` text,
	`kind` text NOT NULL,
	`hash` text NOT NULL,
	`prefix` text NOT NULL,
	`last_four` text NOT NULL,
	`name` text NOT NULL,
	`scopes` text NOT NULL,
	`models` text NOT NULL,
	`allowed_origins` text NOT NULL,
	`rpm` integer,
	`monthly_token_cap` integer,
	`expires_at` integer,
	`revoked_at` integer,
	`last_used_at` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`chatbot_id`) REFERENCES `chatbots`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_hash` ON `api_keys` (`hash`);--> statement-breakpoint
CREATE INDEX `api_keys_chatbot` ON `api_keys` (`chatbot_id`,`id`);--> statement-breakpoint
CREATE INDEX `api_keys_family` ON `api_keys` (`family_id`);--> statement-breakpoint
CREATE INDEX `api_keys_unrevoked` ON `api_keys` (`chatbot_id`) WHERE revoked_at IS NULL;--> statement-breakpoint
CREATE INDEX `api_keys_user` ON `api_keys` (`user_id`);--> statement-breakpoint
CREATE TABLE `chatbot_secrets` (
	`chatbot_id` text NOT NULL,
	`origin` text NOT NULL,
	`sealed` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`chatbot_id`, `origin`),
	FOREIGN KEY (`chatbot_id`) REFERENCES `chatbots`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `chatbot_versions` (
	`chatbot_id` text NOT NULL,
	`version` integer NOT NULL,
	`llm_endpoint_url` text,
	`model` text,
	`fallbacks` text NOT NULL,
	`instructions` text,
	`temperature` real,
	`context_tokens` integer,
	`max_output_tokens` integer,
	`internet_enabled` integer NOT NULL,
	`files` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`chatbot_id`, `version`),
	FOREIGN KEY (`chatbot_id`) REFERENCES `chatbots`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `chatbots` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`handle` text,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`deleted_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `chatbots_handle` ON `chatbots` (`handle`);--> statement-breakpoint
CREATE INDEX `chatbots_user` ON `chatbots` (`user_id`,`id`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `chatbots_live` ON `chatbots` (`id`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `chatbots_deleted` ON `chatbots` (`user_id`,`id`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
ALTER TABLE `reservations` ADD `key_subject` text;--> statement-breakpoint
ALTER TABLE `runs` ADD `api_key_id` text;--> statement-breakpoint
ALTER TABLE `runs` ADD `chatbot_id` text;--> statement-breakpoint
ALTER TABLE `runs` ADD `chatbot_version` integer;--> statement-breakpoint
ALTER TABLE `runs` ADD `fingerprint` text;--> statement-breakpoint
CREATE INDEX `runs_fingerprint` ON `runs` (`fingerprint`,`id`) WHERE fingerprint IS NOT NULL;--> statement-breakpoint
ALTER TABLE `usage_ledger` ADD `chatbot_id` text;--> statement-breakpoint

-- From here by hand: drizzle-kit knows no triggers. How many chatbots there are that nobody has deleted (migrations/0002).
CREATE TRIGGER chatbots_added AFTER INSERT ON chatbots WHEN new.deleted_at IS NULL BEGIN
  INSERT INTO counters (day, name, value) VALUES (0, 'chatbots', 1) ON CONFLICT DO UPDATE SET value = value + 1;
END;
--> statement-breakpoint
CREATE TRIGGER chatbots_tombstoned AFTER UPDATE OF deleted_at ON chatbots
WHEN old.deleted_at IS NULL AND new.deleted_at IS NOT NULL BEGIN
  UPDATE counters SET value = value - 1 WHERE day = 0 AND name = 'chatbots';
END;
--> statement-breakpoint
CREATE TRIGGER chatbots_removed AFTER DELETE ON chatbots WHEN old.deleted_at IS NULL BEGIN
  UPDATE counters SET value = value - 1 WHERE day = 0 AND name = 'chatbots';
END;
