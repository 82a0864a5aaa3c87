import { z } from '@hono/zod-openapi'
import { MEMBER_ROLES } from '../../../db/schema/channels.ts'
import { id, maybeId, maybeMoment } from '../../../http/fields.ts'
import { integer, made } from '../../../lib/wire-fields.ts'
import { Person, PushedChannel } from './channel.ts'
import { ChannelMessage, emoji } from './message.ts'

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
