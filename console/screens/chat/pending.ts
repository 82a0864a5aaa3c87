import type { Words } from './draft.ts'
import type { Message } from './reply.ts'

const PREFIX = 'pending:'

/** Whether a message is not stored yet, as far as is known. */
export const isPending = ({ id }: Message) => id.startsWith(PREFIX)

/** A message after `parent` as it is shown until the server has stored it. */
export function pending(
  role: Message['role'],
  conversationId: string,
  parent: Message | undefined,
  words?: Words,
): Message {
  const now = new Date().toISOString()
  return {
    id: PREFIX + role,
    conversation_id: conversationId,
    parent_id: parent?.id ?? null,
    run_id: null,
    role,
    content: words?.content ?? '',
    status: role === 'user' ? 'completed' : 'in_progress',
    model: null,
    created_at: now,
    timestamp: now,
    attachments: words?.files ?? [],
    context: null,
    usage: null,
    error: null,
    sources: [],
    warnings: [],
    feedback: null,
    siblings: 1,
  }
}
