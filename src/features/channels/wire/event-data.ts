import type { EventPayload } from '../../../db/schema/channels.ts'
import { toTimestamp } from '../../../lib/timestamps.ts'
import type { ChannelJson, MessageJson, PersonJson } from '../event-rows.ts'
import { toPerson, toPushedChannel } from './channel.ts'
import { toChannelMessage } from './message.ts'

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
    return { user: subject && toPerson(subject), role: payload.role ?? null, by, muted_until: toTimestamp(until) }
  }
  if (type === 'chatbot.failed') {
    return { chatbot_id: by, reply_to: message_id, run_id: payload.run_id ?? null, code: payload.code }
  }
  return channel && toPushedChannel(channel)
}
