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
  created_at: new Date(row.created_at).toISOString(),
  user: toPerson(row.author),
  seq: row.seq,
  version: row.version,
  thread_id: row.thread_id,
  reply_count: row.reply_count,
  mentions: row.mentions,
  attachments: row.attachments.map(toAttachment),
  reactions: toReactions(row.reaction_counts, viewer),
  pinned: row.pinned_at !== null,
  edited_at: toMoment(row.edited_at),
  deleted_at: toMoment(row.deleted_at),
  ...(viewer?.id === row.author.id && { nonce: row.nonce }),
})

export const toMoment = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

type VersionRow = { version: number; content: string; replacedAt: number }

export const toMessageVersion = ({ version, content, replacedAt }: VersionRow): MessageVersion => ({
  version,
  content,
  replaced_at: new Date(replacedAt).toISOString(),
})
