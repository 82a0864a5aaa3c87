CREATE TABLE `file_texts` (
	`file_id` text PRIMARY KEY NOT NULL,
	`text` text NOT NULL,
	`is_whole` integer NOT NULL,
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `files` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`state` text NOT NULL,
	`name` text NOT NULL,
	`size` integer NOT NULL,
	`media_type` text NOT NULL,
	`kind` text NOT NULL,
	`sha256` text,
	`object_key` text NOT NULL,
	`upload_id` text,
	`text_status` text,
	`text_tries` integer DEFAULT 0 NOT NULL,
	`text_due_at` integer,
	`created_at` integer NOT NULL,
	`sweep_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `files_object` ON `files` (`object_key`);--> statement-breakpoint
CREATE INDEX `files_listed` ON `files` (`user_id`,`state`,`id`);--> statement-breakpoint
CREATE INDEX `files_by_kind` ON `files` (`user_id`,`state`,`kind`,`id`);--> statement-breakpoint
CREATE INDEX `files_unfinished` ON `files` (`sweep_at`) WHERE state <> 'ready';--> statement-breakpoint
CREATE INDEX `files_unread` ON `files` (`text_due_at`) WHERE text_status = 'processing';--> statement-breakpoint
CREATE TABLE `message_files` (
	`message_id` text NOT NULL,
	`place` integer NOT NULL,
	`file_id` text NOT NULL,
	`part` text NOT NULL,
	PRIMARY KEY(`message_id`, `place`),
	FOREIGN KEY (`message_id`) REFERENCES `messages`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `message_files_file` ON `message_files` (`file_id`);--> statement-breakpoint
CREATE TABLE `storage_use` (
	`user_id` text PRIMARY KEY NOT NULL,
	`bytes` integer NOT NULL,
	`files` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `upload_parts` (
	`file_id` text NOT NULL,
	`start` integer NOT NULL,
	`number` integer NOT NULL,
	`etag` text NOT NULL,
	PRIMARY KEY(`file_id`, `start`),
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `uploads` (
	`file_id` text PRIMARY KEY NOT NULL,
	`offset` integer NOT NULL,
	`writer` text,
	`next_part` integer NOT NULL,
	`rest` text,
	`metadata` text NOT NULL,
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE no action
);
