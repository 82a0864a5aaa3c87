import type { Message } from '../../../clients/realtime/frames.ts'

/** What is unread in a channel. Of more than a hundred there are a hundred. */
export type Unread = { read_seq: number; unread: number; unread_mentions: number }

const MOST = 100
const more = (n: number) => Math.min(MOST, n + 1)

/** After a new message, for `me`: one's own words are read. */
export function afterMessage(unread: Unread, { seq, user_id, mentions }: Message, me: string): Unread {
  if (user_id === me || seq <= unread.read_seq) return unread
  const isNamed = mentions.includes(me) || mentions.includes('*')
  return {
    ...unread,
    unread: more(unread.unread),
    unread_mentions: isNamed ? more(unread.unread_mentions) : unread.unread_mentions,
  }
}

/** All of it is read, up to a seq. */
export const allRead = (readSeq: number): Unread => ({ read_seq: readSeq, unread: 0, unread_mentions: 0 })
