/** What a channel can be asked to do. `actor` is the id of who asks, as its caller has verified. */
export type Command =
  | SendMessage
  | (Repeatable &
      (
        | { type: 'message.edit'; message_id: string; content: string; names: string[]; version?: number }
        | { type: 'message.delete'; message_id: string }
        | { type: 'reaction.add' | 'reaction.remove'; message_id: string; emoji: string }
        | { type: 'pin.add' | 'pin.remove'; message_id: string }
        | { type: 'member.join'; invite_id?: string }
        | { type: 'member.leave' }
        | { type: 'member.add' | 'chatbot.add' | 'member.remove'; target: string | null }
        | { type: 'member.update'; target: string; role?: Role; muted_until?: number | null }
        | {
            type: 'member.ban'
            target: string | null
            reason?: string | null
            audit_id: string
            request_id: string | null
          }
        | { type: 'member.unban'; target: string | null; audit_id: string; request_id: string | null }
        | { type: 'channel.update'; version?: number; changes: ChannelFields }
        | { type: 'channel.delete'; audit_id: string; request_id: string | null }
        /** In the name of a chatbot: it owes an answer to this message, and there will be none. */
        | { type: 'chatbot.failed'; message_id: string; run_id: string | null; code: string }
        /** In the name of an account that is closed: a channel that it owns gets another owner, or ends. */
        | { type: 'owner.replace' }
      ))

/** `command_id` makes a repetition harmless. */
type Repeatable = { actor: string; command_id: string }

export type SendMessage = {
  type: 'message.send'
  actor: string
  /** Of the new message; a repetition of its nonce gives another one. */
  id: string
  nonce: string
  /** SHA-256 of what is sent, so that the nonce stands for nothing else. */
  hash: string
  content: string
  thread_id: string | null
  attachments: string[]
  /** Names after an `@` in the text, of which some may be members'. */
  names: string[]
}

export type Role = 'owner' | 'moderator' | 'member'
export type ChannelFields = {
  name?: string
  description?: string | null
  visibility?: 'public' | 'private'
  slow_mode_s?: number
}

/** Why a command did nothing. `noop` is none: what it wants is so already. */
export const REFUSALS = [
  'not_found',
  'forbidden',
  'banned',
  'muted',
  'gone',
  'user_banned',
  'precondition_failed',
  'nonce_conflict',
  'limit_reached',
  'name_taken',
  'direct_channel',
  'last_owner',
  'attachment_not_found',
  'thread_not_found',
  'rate_limit_exceeded',
  'unavailable',
] as const
export type Refusal = (typeof REFUSALS)[number]

/** Channels that one user can be in, and as many direct ones. */
export const MAX_CHANNELS = 500
export const MAX_MEMBERSHIPS = 2 * MAX_CHANNELS
/** Chatbots that one channel can have. */
export const MAX_CHATBOTS_IN_CHANNEL = 10

/** What became of a command. `seq` is of its event; null when it made none, as what it wants is so already. */
export type Outcome =
  | { ok: true; seq: number | null; event: ChannelEvent | null; message?: Accepted }
  | { ok: false; code: Refusal; retryAfterMs?: number; mutedUntil?: number }

/** A message that is stored; `duplicate` when an earlier send has made it. */
export type Accepted = { id: string; seq: number; created_at: number; duplicate: boolean }

/**
 * An event as it goes over the wire: `frame` is its finished JSON, without the author's `nonce`, which only the author's own
 * sockets get.
 */
export type ChannelEvent = {
  seq: number
  type: string
  frame: string
  message_id: string | null
  author?: string
  nonce?: string
  /** Whom an event of members is about: a user, or a chatbot, who has no sockets. */
  subject?: string
  chatbot?: string
}

/** A message that a chatbot of the channel is to answer; `threadId` is where. */
export type Call = { channelId: string; chatbotId: string; seq: number; messageId: string; threadId: string }

/** What a chatbot answers once. */
export const callKey = ({ channelId, seq, chatbotId }: Pick<Call, 'channelId' | 'seq' | 'chatbotId'>): string =>
  `channel:${channelId}:${seq}:${chatbotId}`

/** The Runner of what a chatbot says in a channel. */
export const runnerOfChatbot = (channelId: string, chatbotId: string): string => `m:${channelId}:${chatbotId}`

/** The frame for those who see `nonce`: the data of a frame is its last member. */
export const frameWithNonce = ({ frame, nonce }: ChannelEvent): string =>
  nonce === undefined ? frame : `${frame.slice(0, -2)},"nonce":${JSON.stringify(nonce)}}}`

/** Consecutive events of a channel, and how far it has come since. */
export type LogPage = { epoch: number; head: number; oldest: number; events: ChannelEvent[] }

/** Consecutive events for a Gateway. `generation` is of its subscription, 0 when it has none. */
export type Push = {
  channel: string
  epoch: number
  from: number
  to: number
  events: ChannelEvent[]
  generation: number
}

/** Whether the Gateway has sockets of the channel, and wants to be told of what follows. */
export type Pushed = { wants: boolean }

/**
 * What a Gateway learns when it subscribes. `doubted` are its users whose membership may have changed without its having been
 * told.
 */
export type Subscribed = { epoch: number; head: number; isPublic: boolean; doubted: string[] }

/** What Gateways tell one another, and may be lost. `who` asks for the presence of those who are there. */
export type SignalKind = 'typing' | 'presence' | 'who'
