import { type SQL, sql } from 'drizzle-orm'

/**
 * That a chatbot may say something in a channel: both are there, it is a member that is not muted at `now`, in milliseconds, and its
 * owner, who pays, is a member too and can sign in.
 */
export const mayAnswer = (chatbotId: SQL, channelId: string, now: number): SQL => sql`EXISTS (
  SELECT 1 FROM chatbots ab
  JOIN users au ON au.id = ab.user_id AND au.disabled_at IS NULL AND au.deleted_at IS NULL
  JOIN channels ac ON ac.id = ${channelId} AND ac.deleted_at IS NULL
  JOIN channel_members am ON am.channel_id = ac.id AND am.member_id = ab.id AND coalesce(am.muted_until, 0) <= ${now}
  JOIN channel_members ao ON ao.channel_id = ac.id AND ao.member_id = ab.user_id
  WHERE ab.id = ${chatbotId} AND ab.deleted_at IS NULL)`
