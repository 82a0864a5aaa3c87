/** The frames of `chat.v1` (docs/realtime.md, 4.2 to 4.4 and 4.8), in the words and the case of the wire. */

/** How far one channel was processed. */
export type Position = { epoch: number; seq: number }

export type Person = { id: string; username: string; display_name: string; kind: 'user' | 'chatbot' }

export type Channel = {
  id: string
  name: string | null
  description: string | null
  owner_id: string | null
  created_at: string
  kind: 'channel' | 'direct'
  visibility: 'public' | 'private'
  slow_mode_s: number
  epoch: number
  last_seq: number
  role: 'owner' | 'moderator' | 'member' | null
  read_seq: number | null
}

export type Message = {
  id: string
  content: string | null
  user_id: string
  channel_id: string
  created_at: string
  user: Person
  seq: number
  version: number
  thread_id: string | null
  reply_count: number
  mentions: unknown[]
  attachments: unknown[]
  reactions: { emoji: string; count: number }[]
  pinned: boolean
  edited_at: string | null
  deleted_at: string | null
  /** Only in the sender's own events. */
  nonce?: string
}

type Reaction = { message_id: string; user_id: string; emoji: string; count: number }
type Marked = { message_id: string; by: string }
type Membership = { user: Person; role: string | null; by: string | null; muted_until: string | null }

type EventData = Record<'message' | 'message.updated', Message> &
  Record<'message.deleted' | 'pin.added' | 'pin.removed', Marked> &
  Record<'reaction.added' | 'reaction.removed', Reaction> &
  Record<`member.${'joined' | 'left' | 'removed' | 'banned' | 'unbanned' | 'updated'}`, Membership> &
  Record<'channel.updated' | 'channel.deleted', Channel> &
  Record<'chatbot.failed', { chatbot_id: string; reply_to: string; run_id: string; code: string }>

/** A numbered event. A newer server may send types that are not listed: ignore them. `ts` is ISO 8601. */
export type ChannelEvent = {
  [T in keyof EventData]: { type: T; ch: string; seq: number; ts: string; data: EventData[T] }
}[keyof EventData]

type NoticeData = Record<'channel.added', Position & { read_seq: number }> &
  Record<'channel.gone' | 'read.updated' | 'typing' | 'presence', Record<string, unknown>>

/** What is not numbered. Of these only `typing` and `presence` may get lost: `resumed` repeats the others' state. */
export type Notice = {
  [T in keyof NoticeData]: { type: T; ch: string; data: NoticeData[T] }
}[keyof NoticeData]

/** `head` is the seq from which the channel goes on. */
export type Reset = { reason: 'epoch' | 'ahead' | 'too_old' | 'not_member'; epoch: number; head: number }

export type Hello = { conn_id: string; user: unknown; ping_interval_ms: number; max_frame: number }
export type Resumed = { channels: Record<string, Position & { read_seq: number }> }
export type Ack = { type: 'ack'; id: string; ch?: string; seq?: number; data: Record<string, unknown> }
export type Failure = { code: string; message: string; temporary: boolean; retry_after_ms?: number }

export type ServerFrame =
  | ChannelEvent
  | Notice
  | Ack
  | { type: 'error'; id?: string; data: Failure }
  | { type: 'hello'; data: Hello }
  | { type: 'resumed'; data: Resumed }
  | { type: 'replay'; ch: string; data: { from: number; to: number; events: ChannelEvent[]; more: boolean } }
  | { type: 'reset'; ch: string; data: Reset }
  | { type: 'heads'; data: Record<string, number> }
  | { type: 'batch'; data: ServerFrame[] }
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
