CREATE TABLE `conversation_tags` (
	`conversation_id` text NOT NULL,
	`tag` text NOT NULL,
	`user_id` text NOT NULL,
	`state` text NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`conversation_id`, `tag`)
);
--> statement-breakpoint
CREATE INDEX `conversation_tags_listed` ON `conversation_tags` (`user_id`,`tag`,`state`,`updated_at`,`conversation_id`);--> statement-breakpoint
CREATE TABLE `projects` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`color` text NOT NULL,
	`instructions` text,
	`model` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `projects_user` ON `projects` (`user_id`,`id`);--> statement-breakpoint
CREATE TABLE `shared_messages` (
	`share_id` text NOT NULL,
	`place` integer NOT NULL,
	`role` text NOT NULL,
	`content` text NOT NULL,
	`model` text,
	`sources` text,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`share_id`, `place`),
	FOREIGN KEY (`share_id`) REFERENCES `shares`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `shares` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`conversation_id` text NOT NULL,
	`token` text NOT NULL,
	`title` text,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`conversation_id`) REFERENCES `conversations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `shares_token` ON `shares` (`token`);--> statement-breakpoint
CREATE INDEX `shares_user` ON `shares` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `shares_conversation` ON `shares` (`conversation_id`);--> statement-breakpoint
ALTER TABLE `conversations` ADD `project_id` text REFERENCES projects(id);--> statement-breakpoint
ALTER TABLE `conversations` ADD `title_source` text;--> statement-breakpoint
ALTER TABLE `conversations` ADD `instructions` text;--> statement-breakpoint
ALTER TABLE `conversations` ADD `state` text DEFAULT 'active' NOT NULL;--> statement-breakpoint
ALTER TABLE `conversations` ADD `pinned_at` integer;--> statement-breakpoint
ALTER TABLE `conversations` ADD `expires_at` integer;--> statement-breakpoint
ALTER TABLE `conversations` ADD `tags` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
CREATE INDEX `conversations_listed` ON `conversations` (`user_id`,`state`,`updated_at`,`id`);--> statement-breakpoint
CREATE INDEX `conversations_pinned` ON `conversations` (`user_id`,`state`,`updated_at`,`id`) WHERE pinned_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `conversations_project` ON `conversations` (`project_id`,`state`,`updated_at`,`id`) WHERE project_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `conversations_expiry` ON `conversations` (`expires_at`) WHERE expires_at IS NOT NULL;--> statement-breakpoint
ALTER TABLE `messages` ADD `model` text;--> statement-breakpoint
ALTER TABLE `messages` ADD `sources` text;--> statement-breakpoint
ALTER TABLE `messages` ADD `feedback` text;--> statement-breakpoint
ALTER TABLE `messages` ADD `feedback_comment` text;--> statement-breakpoint
CREATE INDEX `messages_siblings` ON `messages` (`conversation_id`,`parent_id`,`id`);