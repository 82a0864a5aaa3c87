ALTER TABLE `runs` ADD `channel_id` text;--> statement-breakpoint
ALTER TABLE `runs` ADD `trigger_key` text;--> statement-breakpoint
CREATE UNIQUE INDEX `runs_trigger` ON `runs` (`trigger_key`) WHERE trigger_key IS NOT NULL;--> statement-breakpoint
CREATE INDEX `runs_channel` ON `runs` (`channel_id`) WHERE status = 'in_progress' AND channel_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `channel_members_chatbots` ON `channel_members` (`channel_id`) WHERE member_kind = 'chatbot';--> statement-breakpoint
CREATE INDEX `chatbots_gone` ON `chatbots` (`deleted_at`) WHERE deleted_at IS NOT NULL;