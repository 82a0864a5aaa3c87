import { toTimestamp } from '../../../lib/timestamps.ts'
import { toAttachment } from '../../files/wire.ts'
import type { MessageJson } from '../event-rows.ts'
import type { ChannelMessage, MessageVersion } from '../schemas/message.ts'
import { toPerson } from './channel.ts'

/** What of a message depends on who looks at it. */
type Viewer = { id: string; reacted: string[] }

export const toReactions = (counts: Record<string, number>, viewer?: Viewer) =>
  Object.entries(counts).map(([emoji, count]) => ({
    emoji,
    count,
    ...(viewer && { me: viewer.reacted.includes(emoji) }),
  }))

/** Without a viewer it is what everybody is sent. */
export const toChannelMessage = (channelId: string, row: MessageJson, viewer?: Viewer): ChannelMessage => ({
  id: row.id,
  content: row.content,
  user_id: row.author.id,
  channel_id: channelId,
  created_at: toTimestamp(row.created_at),
  user: toPerson(row.author),
  seq: row.seq,
  version: row.version,
  thread_id: row.thread_id,
  reply_count: row.reply_count,
  mentions: row.mentions,
  attachments: row.attachments.map(toAttachment),
  reactions: toReactions(row.reaction_counts, viewer),
  pinned: row.pinned_at !== null,
  edited_at: toTimestamp(row.edited_at),
  deleted_at: toTimestamp(row.deleted_at),
  ...(viewer?.id === row.author.id && { nonce: row.nonce }),
})

type VersionRow = { version: number; content: string; replacedAt: number }

export const toMessageVersion = ({ version, content, replacedAt }: VersionRow): MessageVersion => ({
  version,
  content,
  replaced_at: toTimestamp(replacedAt),
})
