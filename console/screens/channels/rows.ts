import type { Entry } from './timeline.ts'

/** A message with what stands above it. */
export type Row = {
  entry: Entry
  /** It goes on with what the same author has just said: their name is not repeated. */
  isContinued: boolean
  /** It is the first of its day. */
  isNewDay: boolean
  /** It is the first that was unread. */
  isFirstUnread: boolean
}

const PAUSE_MS = 5 * 60_000

/** What was said by others than `me`, `after` a seq and not later than another. */
export type UnreadSpan = { after: number; upTo: number; me: string }

export function rowsOf(entries: readonly Entry[], unread?: UnreadSpan): Row[] {
  const isUnread = ({ message: { seq, user_id } }: Entry) =>
    unread !== undefined && seq > unread.after && seq <= unread.upTo && user_id !== unread.me
  const firstUnread = entries.findIndex(isUnread)
  return entries.map((entry, at) => {
    const before = entries[at - 1]?.message
    const { user_id, created_at } = entry.message
    const isNewDay = !before || dayOf(before.created_at) !== dayOf(created_at)
    const isFirstUnread = at === firstUnread
    const isContinued =
      !isNewDay &&
      !isFirstUnread &&
      before.user_id === user_id &&
      Date.parse(created_at) - Date.parse(before.created_at) < PAUSE_MS
    return { entry, isContinued, isNewDay, isFirstUnread }
  })
}

const dayOf = (at: string) => new Date(at).toDateString()
