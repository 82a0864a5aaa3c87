import type { conversations, messages, projects } from '../../db/schema/index.ts'
import type { Placed } from './message-tree.ts'

/** What a file has of a project, a conversation and a message. Ids in it are those of the file. */
type Dated = {
  /** When it was made according to the file, in milliseconds, if that is a time at all. Its id is derived from it. */
  claimedMs: number | undefined
}
export type IncomingProject = Dated & Omit<typeof projects.$inferInsert, 'userId'>
export type IncomingMessage = Dated &
  Pick<
    typeof messages.$inferSelect,
    'role' | 'content' | 'status' | 'model' | 'sources' | 'feedback' | 'feedbackComment' | 'createdAt' | 'updatedAt'
  >
export type IncomingConversation = Dated &
  Pick<
    typeof conversations.$inferSelect,
    | 'id'
    | 'projectId'
    | 'title'
    | 'titleSource'
    | 'instructions'
    | 'state'
    | 'pinnedAt'
    | 'tags'
    | 'headId'
    | 'createdAt'
    | 'updatedAt'
  > & { messages: Placed<IncomingMessage>[] }

export type Kind = 'projects' | 'conversations' | 'messages'

/** What a file turned out to have, one after the other; `skipped` names the place and the reason. */
export type Incoming =
  | { project: IncomingProject }
  | { conversation: IncomingConversation }
  | { skipped: Kind | null; where: string; reason: string }

/** Text of one message, in UTF-16 units: what a model may write. */
export const MAX_CONTENT = 256 * 1024

const EARLIEST = Date.UTC(2000, 0, 1)

/**
 * A time that may be stored: not before 2000 and not after now. A day of 1970 would be taken for the totals among the
 * counters (migrations/0002).
 */
export function sane(ms: number | undefined, now: Date, otherwise: Date = now): Date {
  if (ms === undefined) return otherwise
  return new Date(Math.min(Math.max(Math.trunc(ms), EARLIEST), now.getTime()))
}

/** Where the active branch ends, if the file does not say: what was said last. */
export const newestOf = (placed: Placed<IncomingMessage>[]): string | null =>
  placed.reduce<Placed<IncomingMessage> | null>(
    (newest, each) => (newest && newest.message.createdAt > each.message.createdAt ? newest : each),
    null,
  )?.id ?? null
