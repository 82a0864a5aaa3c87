import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import { mayAnswer } from '../../../db/answering.ts'
import type { Db } from '../../../db/client.ts'
import { chatbots, chatbotVersions } from '../../../db/schema/index.ts'
import { isCurrentVersion, SETTINGS } from './read.ts'

/** A chatbot as it answers now. `secrets` are sealed, by the origin that they are for. */
export type ServedChatbot = Awaited<ReturnType<typeof selectServed>>[number]

/** Columns of a chatbot as it answers now. */
export const SERVED = {
  id: chatbots.id,
  ownerId: chatbots.userId,
  version: chatbots.version,
  ...SETTINGS,
  chatbotCreatedAt: sql<Date>`${chatbots.createdAt}`.mapWith(chatbots.createdAt).as('chatbot_created_at'),
  secrets:
    sql<string>`(SELECT json_group_object(s.origin, s.sealed) FROM chatbot_secrets s WHERE s.chatbot_id = chatbots.id)`
      .mapWith((value: string): Record<string, string> => JSON.parse(value))
      .as('secrets'),
}

/** Statement for the chatbots of a user that are there, as they answer now. */
export const selectServed = (db: Db, userId: string, which?: SQL) =>
  db
    .select(SERVED)
    .from(chatbots)
    .innerJoin(chatbotVersions, isCurrentVersion)
    .where(and(eq(chatbots.userId, userId), isNull(chatbots.deletedAt), which))

/** A chatbot as a channel knows it. */
export type ServedMember = ServedChatbot & { name: string; handle: string | null }

/** Statement for a chatbot as it answers now in a channel, where it may say something at `now`. */
export const selectServedIn = (db: Db, channelId: string, chatbotId: string, now: number) =>
  db
    .select({ ...SERVED, name: chatbots.name, handle: chatbots.handle })
    .from(chatbots)
    .innerJoin(chatbotVersions, isCurrentVersion)
    .where(and(eq(chatbots.id, chatbotId), mayAnswer(sql`${chatbotId}`, channelId, now)))
