import type { Message } from '../../../clients/realtime/frames.ts'

/** What is unread in a channel, as of its event `head`. Of more than a hundred there are a hundred. */
export type Unread = { head: number; read_seq: number; unread: number; unread_mentions: number }

const MOST = 100
const more = (n: number) => Math.min(MOST, n + 1)

/** After a message, for `me`: one's own words are read, and what was counted is not counted again. */
export function afterMessage(unread: Unread, { seq, user_id, mentions }: Message, me: string): Unread {
  if (seq <= unread.head) return unread
  if (user_id === me || seq <= unread.read_seq) return { ...unread, head: seq }
  const isNamed = mentions.includes(me) || mentions.includes('*')
  return {
    head: seq,
    read_seq: unread.read_seq,
    unread: more(unread.unread),
    unread_mentions: isNamed ? more(unread.unread_mentions) : unread.unread_mentions,
  }
}

/** All of it is read, up to a seq. */
export const allRead = (seq: number): Unread => ({ head: seq, read_seq: seq, unread: 0, unread_mentions: 0 })

/**
 * What the server has counted, with what it did not know of when it did: messages that came since it was asked, and that all was
 * read here meanwhile.
 */
export function countedAnew(counted: Unread, known: Unread | undefined, since: Message[], me: string): Unread {
  const start = known && known.read_seq >= counted.head ? allRead(known.read_seq) : counted
  return since.reduce((unread, message) => afterMessage(unread, message, me), start)
}
