import type { conversations, sharedMessages, shares } from '../../db/schema/index.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import type { Conversation, ConversationQuery } from './schemas/conversation.ts'
import type { Share, SharedConversation } from './schemas/share.ts'

/** The query of a list in the words of the code. */
export const toFilter = ({ archived, pinned, project_id, tag, ...page }: ConversationQuery) => ({
  ...page,
  isArchived: archived === 'true',
  isPinned: pinned === 'true',
  projectId: project_id,
  tag,
})

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toConversation = (row: typeof conversations.$inferSelect): Conversation => ({
  id: row.id,
  title: row.title,
  project_id: row.projectId,
  instructions: row.instructions,
  pinned: row.pinnedAt !== null,
  archived: row.state === 'archived',
  tags: row.tags,
  temporary: row.state === 'temporary',
  expires_at: toTimestamp(row.expiresAt),
  head_id: row.headId,
  created_at: toTimestamp(row.createdAt),
  updated_at: toTimestamp(row.updatedAt),
})

type StoredShare = typeof shares.$inferSelect

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toShare = (row: StoredShare, appUrl: string | undefined): Share => ({
  id: row.id,
  conversation_id: row.conversationId,
  title: row.title,
  token: row.token,
  url: `${appUrl ?? '/app'}/shared/${row.token}`,
  created_at: toTimestamp(row.createdAt),
  expires_at: toTimestamp(row.expiresAt),
})

/** What everybody sees: nothing of whose it is. */
export const toSharedConversation = (
  share: Pick<StoredShare, 'title' | 'createdAt'>,
  messages: (typeof sharedMessages.$inferSelect)[],
): SharedConversation => ({
  title: share.title,
  created_at: toTimestamp(share.createdAt),
  messages: messages.map((row) => ({
    place: row.place,
    role: row.role,
    content: row.content,
    model: row.model,
    sources: row.sources ?? [],
    created_at: toTimestamp(row.createdAt),
  })),
})
