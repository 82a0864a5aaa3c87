CREATE TABLE `channel_attachments` (
	`file_id` text NOT NULL,
	`message_id` text NOT NULL,
	`channel_id` text NOT NULL,
	PRIMARY KEY(`file_id`, `message_id`),
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`message_id`) REFERENCES `channel_messages`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `channel_attachments_message` ON `channel_attachments` (`message_id`);--> statement-breakpoint
CREATE INDEX `channel_attachments_channel` ON `channel_attachments` (`channel_id`);--> statement-breakpoint
CREATE TABLE `channel_bans` (
	`channel_id` text NOT NULL,
	`user_id` text NOT NULL,
	`reason` text,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`channel_id`, `user_id`),
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `channel_bans_listed` ON `channel_bans` (`channel_id`,`created_at`,`user_id`);--> statement-breakpoint
CREATE INDEX `channel_bans_user` ON `channel_bans` (`user_id`);--> statement-breakpoint
CREATE TABLE `channel_events` (
	`channel_id` text NOT NULL,
	`seq` integer NOT NULL,
	`type` text NOT NULL,
	`actor_id` text,
	`message_id` text,
	`command_id` text,
	`payload` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `channel_events_seq` ON `channel_events` (`channel_id`,`seq`);--> statement-breakpoint
CREATE UNIQUE INDEX `channel_events_command` ON `channel_events` (`channel_id`,`command_id`) WHERE command_id IS NOT NULL;--> statement-breakpoint
CREATE TABLE `channel_invites` (
	`id` text PRIMARY KEY NOT NULL,
	`channel_id` text NOT NULL,
	`code_hash` text NOT NULL,
	`created_by` text NOT NULL,
	`expires_at` integer,
	`max_uses` integer,
	`uses` integer DEFAULT 0 NOT NULL,
	`revoked_at` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `channel_invites_code` ON `channel_invites` (`code_hash`);--> statement-breakpoint
CREATE INDEX `channel_invites_listed` ON `channel_invites` (`channel_id`,`id`);--> statement-breakpoint
CREATE TABLE `channel_members` (
	`channel_id` text NOT NULL,
	`member_id` text NOT NULL,
	`member_kind` text DEFAULT 'user' NOT NULL,
	`role` text NOT NULL,
	`muted_until` integer,
	`joined_at` integer NOT NULL,
	PRIMARY KEY(`channel_id`, `member_id`),
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `channel_members_member` ON `channel_members` (`member_id`,`channel_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `channel_members_owner` ON `channel_members` (`channel_id`) WHERE role = 'owner';--> statement-breakpoint
CREATE TABLE `channel_mentions` (
	`channel_id` text NOT NULL,
	`member_id` text NOT NULL,
	`seq` integer NOT NULL,
	`message_id` text NOT NULL,
	PRIMARY KEY(`member_id`, `channel_id`, `seq`),
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `channel_mentions_message` ON `channel_mentions` (`message_id`);--> statement-breakpoint
CREATE INDEX `channel_mentions_channel` ON `channel_mentions` (`channel_id`);--> statement-breakpoint
CREATE TABLE `channel_message_versions` (
	`message_id` text NOT NULL,
	`version` integer NOT NULL,
	`content` text NOT NULL,
	`replaced_at` integer NOT NULL,
	PRIMARY KEY(`message_id`, `version`),
	FOREIGN KEY (`message_id`) REFERENCES `channel_messages`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `channel_messages` (
	`id` text PRIMARY KEY NOT NULL,
	`channel_id` text NOT NULL,
	`seq` integer NOT NULL,
	`author_id` text NOT NULL,
	`author_kind` text DEFAULT 'user' NOT NULL,
	`nonce` text NOT NULL,
	`send_hash` text NOT NULL,
	`content` text,
	`mentions` text DEFAULT '[]' NOT NULL,
	`attachments` text DEFAULT '[]' NOT NULL,
	`thread_id` text,
	`reply_count` integer DEFAULT 0 NOT NULL,
	`last_reply_at` integer,
	`reaction_counts` text DEFAULT '{}' NOT NULL,
	`pinned_at` integer,
	`pinned_by` text,
	`version` integer DEFAULT 1 NOT NULL,
	`edited_at` integer,
	`deleted_at` integer,
	`deleted_by` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `channel_messages_seq` ON `channel_messages` (`channel_id`,`seq`);--> statement-breakpoint
CREATE UNIQUE INDEX `channel_messages_nonce` ON `channel_messages` (`channel_id`,`author_id`,`nonce`);--> statement-breakpoint
CREATE INDEX `channel_messages_thread` ON `channel_messages` (`thread_id`,`seq`) WHERE thread_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `channel_messages_pinned` ON `channel_messages` (`channel_id`,`pinned_at`) WHERE pinned_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `channel_mutes` (
	`user_id` text NOT NULL,
	`channel_id` text NOT NULL,
	`until` integer NOT NULL,
	PRIMARY KEY(`user_id`, `channel_id`),
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `channel_mutes_channel` ON `channel_mutes` (`channel_id`);--> statement-breakpoint
CREATE TABLE `channels` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`visibility` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`owner_id` text NOT NULL,
	`direct_key` text,
	`epoch` integer DEFAULT 1 NOT NULL,
	`last_seq` integer DEFAULT 0 NOT NULL,
	`oldest_seq` integer DEFAULT 1 NOT NULL,
	`slow_mode_s` integer DEFAULT 0 NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`deleted_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `channels_direct_key` ON `channels` (`direct_key`);--> statement-breakpoint
CREATE INDEX `channels_public` ON `channels` (`id`) WHERE visibility = 'public' AND kind = 'channel' AND deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `channels_deleted` ON `channels` (`deleted_at`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `reactions` (
	`message_id` text NOT NULL,
	`user_id` text NOT NULL,
	`emoji` text NOT NULL,
	`channel_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`message_id`, `user_id`, `emoji`),
	FOREIGN KEY (`message_id`) REFERENCES `channel_messages`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `reactions_by_emoji` ON `reactions` (`message_id`,`emoji`,`user_id`);--> statement-breakpoint
CREATE INDEX `reactions_channel` ON `reactions` (`channel_id`);--> statement-breakpoint
CREATE TABLE `read_state` (
	`user_id` text NOT NULL,
	`channel_id` text NOT NULL,
	`read_seq` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `channel_id`),
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `read_state_channel` ON `read_state` (`channel_id`);