/** The frames of `chat.v1` (docs/realtime.md, "Frames"), in the words and the case of the wire. A test compares them with it. */

/** How far one channel was processed. */
export type Position = { epoch: number; seq: number }

/** A closed account has no `username`. */
export type Person = { id: string; username: string | null; display_name: string; kind: 'user' | 'chatbot' }

/** As everybody is told of it; by REST it has your `role` and `read_seq` as well. */
export type Channel = {
  id: string
  name: string
  description: string | null
  owner_id: string
  created_at: string
  kind: 'channel' | 'direct'
  visibility: 'public' | 'private'
  slow_mode_s: number
  epoch: number
  last_seq: number
}

export type Attachment = { id: string; filename: string; file_path: string; file_size: number; mime_type: string }

export type Message = {
  id: string
  /** Null when it is deleted. */
  content: string | null
  user_id: string
  channel_id: string
  created_at: string
  user: Person
  seq: number
  version: number
  thread_id: string | null
  reply_count: number
  /** Ids of members; `*` is everybody. */
  mentions: string[]
  attachments: Attachment[]
  /** `me` only by REST. */
  reactions: { emoji: string; count: number; me?: boolean }[]
  pinned: boolean
  edited_at: string | null
  deleted_at: string | null
  /** Only in the sender's own events. */
  nonce?: string
}

type Reaction = { message_id: string; user_id: string | null; emoji: string; count: number }
type Marked = { message_id: string; by: string | null }
type Membership = {
  user: Person | null
  role: 'owner' | 'moderator' | 'member' | null
  by: string | null
  muted_until: string | null
}

type Unanswered = { chatbot_id: string | null; reply_to: string | null; run_id: string | null; code: string }

type EventData = Record<'message' | 'message.updated', Message> &
  Record<'message.deleted' | 'pin.added' | 'pin.removed', Marked> &
  Record<'reaction.added' | 'reaction.removed', Reaction> &
  Record<`member.${'joined' | 'left' | 'removed' | 'banned' | 'unbanned' | 'updated'}`, Membership> &
  Record<'chatbot.failed', Unanswered> &
  Record<'channel.updated' | 'channel.deleted', Channel>

/** A numbered event. A newer server may send types that are not listed: ignore them. `ts` is ISO 8601. */
export type ChannelEvent = {
  [T in keyof EventData]: { type: T; ch: string; seq: number; ts: string; data: EventData[T] }
}[keyof EventData]

/** Where a channel is, and up to where its user has read it. */
type Place = { epoch: number; seq: number; read_seq: number }

type NoticeData = {
  'channel.added': Place
  'channel.gone': Record<string, never>
  'read.updated': { read_seq: number }
  typing: { user_id: string; thread_id: string | null; run_id?: string }
  /** Of large channels only how many are there. */
  presence: { user_id: string; state: 'online' | 'away' | 'offline' } | { online: number }
}

/** What is not numbered. Of these only `typing` and `presence` may get lost: `resumed` repeats the others' state. */
export type Notice = {
  [T in keyof NoticeData]: { type: T; ch: string; data: NoticeData[T] }
}[keyof NoticeData]

/** `head` is the seq from which the channel goes on; there is none, and no epoch, for who is not in it (`not_member`). */
export type Reset = {
  reason: 'epoch' | 'ahead' | 'too_old' | 'not_member'
  epoch: number | null
  head: number | null
}

export type Hello = {
  conn_id: string
  user: Person
  ping: string
  ping_interval_ms: number
  max_frame: number
  credit: { events: number; bytes: number }
}
export type Resumed = { channels: Record<string, Place> }
/** With data for a send. Without `seq` it was so already. */
export type Ack = {
  type: 'ack'
  id: string
  ch: string
  seq?: number
  data: { message_id: string; created_at: string; duplicate: boolean } | Record<string, never>
}
/** `until` is when a `muted` one may speak again. */
export type Failure = { code: string; message: string; temporary: boolean; retry_after_ms?: number; until?: string }

export type ServerFrame =
  | ChannelEvent
  | Notice
  | Ack
  | { type: 'error'; id?: string; data: Failure }
  | { type: 'hello'; data: Hello }
  | { type: 'resumed'; id?: string; data: Resumed }
  | { type: 'replay'; ch: string; data: { from: number; to: number; events: ChannelEvent[]; more: boolean } }
  | { type: 'reset'; ch: string; data: Reset }
  | { type: 'heads'; data: Record<string, number> }
  | { type: 'batch'; data: (ChannelEvent | Extract<Notice, { type: 'presence' }>)[] }
  | { type: 'reconnect'; data: { after_ms: number } }

/** What has the same nonce is done once. Without one it is given one. */
type Repeatable = { channel_id: string; nonce?: string | undefined }
type OfMessage = Repeatable & { message_id: string }

/** What is answered by one `ack` or one `error`. */
export type Commands = {
  'message.send': Repeatable & {
    content: string
    thread_id?: string | undefined
    attachments?: string[] | undefined
  }
  'message.edit': OfMessage & { content: string; version?: number | undefined }
  'message.delete': OfMessage
  'reaction.add': OfMessage & { emoji: string }
  'reaction.remove': OfMessage & { emoji: string }
  read: { channel_id: string; seq: number }
}
