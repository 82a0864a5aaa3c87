import { type SQL, sql } from 'drizzle-orm'

/** That a user may see a channel: as its member, or because it is public and they are not banned. The id is a column or a value. */
export const sees = (userId: string, channelId: SQL): SQL => sql`EXISTS (
  SELECT 1 FROM channels sc WHERE sc.id = ${channelId} AND sc.deleted_at IS NULL AND (
    EXISTS (SELECT 1 FROM channel_members sm WHERE sm.channel_id = sc.id AND sm.member_id = ${userId})
    OR (sc.visibility = 'public' AND sc.kind = 'channel'
      AND NOT EXISTS (SELECT 1 FROM channel_bans sb WHERE sb.channel_id = sc.id AND sb.user_id = ${userId}))))`

/** That a file is in a message of a channel that is there, whoever sees it. */
export const isInChannel = (fileId: SQL): SQL => sql`EXISTS (SELECT 1 FROM channel_attachments ca
  JOIN channels c ON c.id = ca.channel_id AND c.deleted_at IS NULL WHERE ca.file_id = ${fileId})`

/** That a file is in a message of a channel that a user may see. */
export const seesInChannel = (userId: string, fileId: SQL): SQL => sql`EXISTS (
  SELECT 1 FROM channel_attachments ca WHERE ca.file_id = ${fileId} AND ${sees(userId, sql`ca.channel_id`)})`
