import { z } from '@hono/zod-openapi'
import { id, maybeId, maybeMoment, moment } from '../../../http/fields.ts'
import { MAX_MESSAGE } from '../../../lib/channel-text.ts'
import { integer, text } from '../../../lib/wire-fields.ts'
import { Attachment } from '../../files/schemas.ts'
import { Person, seq } from './channel.ts'
import { editedContent, NOTHING, nonce, said, saysSomething, version } from './said.ts'

export const emoji = text(32).min(1).openapi({ example: '👍' })

const Reaction = z
  .strictObject({
    emoji,
    count: integer(1).openapi({ example: 2 }),
    me: z.boolean().optional().openapi({ description: 'Whether you are among them; not in what is pushed' }),
  })
  .openapi('Reaction')

export const ChannelMessage = z
  .strictObject({
    id,
    content: text(2 * MAX_MESSAGE)
      .nullable()
      .openapi({ example: 'Hello, world!', description: 'Null when it is deleted' }),
    user_id: id,
    channel_id: id,
    created_at: moment,
    user: Person,
    seq,
    version,
    thread_id: maybeId,
    reply_count: integer(0).openapi({ example: 0 }),
    mentions: z.array(text(36)).max(43).openapi({
      example: [],
      description: 'Ids of the members that it names, and of a chatbot that it replies to; `*` is everybody',
    }),
    attachments: z.array(Attachment).max(10),
    reactions: z.array(Reaction).max(20),
    pinned: z.boolean(),
    edited_at: maybeMoment,
    deleted_at: maybeMoment,
    nonce: text(64).optional().openapi({ description: 'For its author alone', example: '0f3c' }),
  })
  .openapi('ChannelMessage')
export type ChannelMessage = z.infer<typeof ChannelMessage>

const message = { ...said, nonce: nonce.optional() }

export const NewChannelMessage = z.strictObject(message).refine(saysSomething, NOTHING).openapi('NewChannelMessage')

/** As contract 3 sends it: with the channel in the body. */
export const ChatMessage = z
  .strictObject({ ...message, channel_id: id })
  .refine(saysSomething, NOTHING)
  .openapi('ChatMessage')

export const EditedMessage = z.strictObject({ content: editedContent }).openapi('EditedMessage')

export const MessageVersion = z
  .strictObject({
    version,
    content: text(2 * MAX_MESSAGE).openapi({ example: 'Helo' }),
    replaced_at: moment,
  })
  .openapi('MessageVersion')
export type MessageVersion = z.infer<typeof MessageVersion>

export const Reactions = z.strictObject({ message_id: id, reactions: z.array(Reaction).max(20) }).openapi('Reactions')
