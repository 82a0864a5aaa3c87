import { type SQL, sql } from 'drizzle-orm'
import { hasNotExpired } from './own-conversation.ts'

/** Messages of one place that are counted: more are there to be listed. */
export const MAX_SIBLINGS = 100

/**
 * Where a message is to stand in the tree: at the head of a conversation, after a message of it, after the message that an
 * answer answers (a user's own is answered itself), or beside a message.
 */
export type NamedPlace =
  | { conversationId: string }
  | { conversationId: string; parentId: string }
  | { answerTo: string }
  | { besides: string }

/**
 * Selects `conversation_id` and `base_id`, the message that the new one is to follow: null at the root. No row when it is
 * not the user's, or not in the conversation.
 */
export function selectNamedPlace(place: NamedPlace, userId: string, now: Date): SQL {
  const isMine = sql`c.user_id = ${userId} AND ${hasNotExpired(now, 'c')}`
  const mine = sql`messages m JOIN conversations c ON c.id = m.conversation_id AND ${isMine}`
  if ('answerTo' in place) {
    return sql`SELECT c.id AS conversation_id, iif(m.role = 'user', m.id, m.parent_id) AS base_id FROM ${mine}
      WHERE m.id = ${place.answerTo}`
  }
  if ('besides' in place) {
    return sql`SELECT c.id AS conversation_id, m.parent_id AS base_id FROM ${mine} WHERE m.id = ${place.besides}`
  }
  return 'parentId' in place
    ? sql`SELECT c.id AS conversation_id, m.id AS base_id FROM ${mine}
        WHERE m.id = ${place.parentId} AND c.id = ${place.conversationId}`
    : sql`SELECT c.id AS conversation_id, c.head_id AS base_id FROM conversations c
        WHERE c.id = ${place.conversationId} AND ${isMine}`
}
