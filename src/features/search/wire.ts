import { toTimestamp } from '../../lib/timestamps.ts'
import type { SearchResult } from './schemas.ts'
import type { Found } from './service.ts'

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toSearchResult = (found: Found): SearchResult => ({
  conversation_id: found.conversationId,
  conversation_title: found.title,
  message_id: found.messageId,
  role: found.role,
  created_at: toTimestamp(found.createdAt),
  snippet: found.snippet,
})
