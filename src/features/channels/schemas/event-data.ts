import { z } from '@hono/zod-openapi'
import type { EventPayload } from '../../../db/schema/channels.ts'
import { MEMBER_ROLES } from '../../../db/schema/channels.ts'
import { id, maybeId, maybeMoment } from '../../../http/fields.ts'
import { integer, made } from '../../../lib/wire-fields.ts'
import type { ChannelJson, MessageJson, PersonJson } from '../event-rows.ts'
import { Person, PushedChannel, toPerson, toPushedChannel } from './channel.ts'
import { ChannelMessage, emoji, toChannelMessage, toMoment } from './message.ts'

const MessageDeleted = z.strictObject({ message_id: id, by: maybeId })
const ReactionChange = z.strictObject({ message_id: id, user_id: maybeId, emoji, count: integer(0) })
const PinChange = z.strictObject({ message_id: id, by: maybeId })
const MemberChange = z.strictObject({
  user: z.union([Person, z.null()]),
  role: z.enum(MEMBER_ROLES).nullable(),
  by: maybeId,
  muted_until: maybeMoment,
})

const ChatbotFailed = z.strictObject({
  chatbot_id: maybeId,
  reply_to: maybeId,
  run_id: maybeId,
  code: made('a-z_', 64),
})

/** What members can see change: the types of events, and what the data of each is. */
export const EVENT_DATA = {
  message: ChannelMessage,
  'message.updated': ChannelMessage,
  'message.deleted': MessageDeleted,
  'reaction.added': ReactionChange,
  'reaction.removed': ReactionChange,
  'pin.added': PinChange,
  'pin.removed': PinChange,
  'member.joined': MemberChange,
  'member.left': MemberChange,
  'member.removed': MemberChange,
  'member.banned': MemberChange,
  'member.unbanned': MemberChange,
  'member.updated': MemberChange,
  'chatbot.failed': ChatbotFailed,
  'channel.updated': PushedChannel,
  'channel.deleted': PushedChannel,
} as const satisfies Record<string, z.ZodType>

/** What an event is about, as it is now. */
export type EventSource = {
  type: string
  channelId: string
  actor_id: string | null
  message_id: string | null
  message: MessageJson | null
  channel: ChannelJson | null
  subject: PersonJson | null
  payload: EventPayload
}

/** The data of an event's frame, the same for everybody. */
export function toFrameData(event: EventSource): unknown {
  const { type, channelId, actor_id: by, message_id, message, channel, subject, payload } = event
  if (type === 'message' || type === 'message.updated') return message && toChannelMessage(channelId, message)
  if (type === 'message.deleted' || type.startsWith('pin.')) return { message_id, by }
  if (type.startsWith('reaction.')) {
    return { message_id, user_id: payload.user_id ?? null, emoji: payload.emoji, count: payload.count }
  }
  if (type.startsWith('member.')) {
    const until = payload.muted_until ?? null
    return { user: subject && toPerson(subject), role: payload.role ?? null, by, muted_until: toMoment(until) }
  }
  if (type === 'chatbot.failed') {
    return { chatbot_id: by, reply_to: message_id, run_id: payload.run_id ?? null, code: payload.code }
  }
  return channel && toPushedChannel(channel)
}
