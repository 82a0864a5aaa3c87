CREATE TABLE `plans` (
	`id` text PRIMARY KEY NOT NULL,
	`messages_per_month` integer NOT NULL,
	`tokens_per_month` integer NOT NULL,
	`requests_per_minute` integer NOT NULL,
	`runs_at_once` integer NOT NULL,
	`storage_bytes` integer NOT NULL,
	`file_bytes` integer NOT NULL,
	`tiers` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `quota_periods` (
	`subject` text NOT NULL,
	`period_start` integer NOT NULL,
	`messages_used` integer DEFAULT 0 NOT NULL,
	`messages_held` integer DEFAULT 0 NOT NULL,
	`tokens_used` integer DEFAULT 0 NOT NULL,
	`tokens_held` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`subject`, `period_start`)
);
--> statement-breakpoint
CREATE TABLE `reservations` (
	`run_id` text NOT NULL,
	`call` integer NOT NULL,
	`subject` text NOT NULL,
	`period_start` integer NOT NULL,
	`messages` integer NOT NULL,
	`input_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL,
	`message_room` integer NOT NULL,
	`parallel_room` integer NOT NULL,
	PRIMARY KEY(`run_id`, `call`),
	CONSTRAINT "quota_tokens" CHECK(output_tokens >= 16),
	CONSTRAINT "quota_messages" CHECK(message_room >= messages),
	CONSTRAINT "quota_parallel" CHECK(call > 1 OR parallel_room >= 1)
);
--> statement-breakpoint
CREATE INDEX `reservations_subject` ON `reservations` (`subject`);--> statement-breakpoint
CREATE TABLE `usage_days` (
	`user_id` text NOT NULL,
	`dimension` text NOT NULL,
	`day` integer NOT NULL,
	`value` text NOT NULL,
	`runs` integer NOT NULL,
	`messages` integer NOT NULL,
	`calls` integer NOT NULL,
	`input_tokens` integer NOT NULL,
	`cached_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL,
	`reasoning_tokens` integer NOT NULL,
	`charged_tokens` integer NOT NULL,
	`unbilled_tokens` integer NOT NULL,
	`cost_microusd` integer NOT NULL,
	PRIMARY KEY(`user_id`, `dimension`, `day`, `value`)
);
--> statement-breakpoint
ALTER TABLE `runs` ADD `reserved` text;--> statement-breakpoint
ALTER TABLE `usage_ledger` ADD `api_key_id` text;--> statement-breakpoint
ALTER TABLE `usage_ledger` ADD `admitted_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `usage_ledger` ADD `unbilled_tokens` integer DEFAULT 0 NOT NULL;