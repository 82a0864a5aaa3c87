import { z } from '@hono/zod-openapi'
import { id, maybeId, maybeMoment, moment } from '../../../http/fields.ts'
import { codePoints, composed, MAX_MESSAGE } from '../../../lib/channel-text.ts'
import { integer, text } from '../../../lib/wire-fields.ts'
import { Attachment, toAttachment } from '../../files/schemas.ts'
import type { MessageJson } from '../event-rows.ts'
import { Person, seq, toPerson } from './channel.ts'

export const emoji = text(32).min(1).openapi({ example: '👍' })

const Reaction = z
  .strictObject({
    emoji,
    count: integer(1).openapi({ example: 2 }),
    me: z.boolean().optional().openapi({ description: 'Whether you are among them; not in what is pushed' }),
  })
  .openapi('Reaction')

export const version = integer(1).openapi({ example: 1 })

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

/** 1 to 4,000 code points after NFC. What has files may be empty. */
export const content = text(4 * MAX_MESSAGE)
  .transform(composed)
  .refine((text) => codePoints(text) <= MAX_MESSAGE, `At most ${MAX_MESSAGE} characters`)
  .openapi({ type: 'string', maxLength: 4 * MAX_MESSAGE, example: 'Hello, world!' })

export const nonce = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .openapi({
    maxLength: 64,
    example: '0f3c',
    description: 'Made by the sender: the same nonce is the same message, for ever',
  })

/** What is said, whichever way it comes. */
export const said = {
  content: content.default(''),
  thread_id: id.nullable().default(null),
  attachments: z
    .array(id)
    .max(10)
    .refine((ids) => new Set(ids).size === ids.length, 'A file is attached once')
    .default([])
    .openapi({ description: 'Ids of your files, each once', uniqueItems: true }),
}
export const saysSomething = ({ content, attachments }: { content: string; attachments: string[] }) =>
  content.trim() !== '' || attachments.length > 0
export const NOTHING = { message: 'Say something, or attach a file', path: ['content'] }

const message = { ...said, nonce: nonce.optional() }

export const NewChannelMessage = z.strictObject(message).refine(saysSomething, NOTHING).openapi('NewChannelMessage')

/** As contract 3 sends it: with the channel in the body. */
export const ChatMessage = z
  .strictObject({ ...message, channel_id: id })
  .refine(saysSomething, NOTHING)
  .openapi('ChatMessage')

export const editedContent = content.refine((text) => text.trim() !== '', 'Say something, or delete it')

export const EditedMessage = z.strictObject({ content: editedContent }).openapi('EditedMessage')

export const MessageVersion = z
  .strictObject({
    version,
    content: text(2 * MAX_MESSAGE).openapi({ example: 'Helo' }),
    replaced_at: moment,
  })
  .openapi('MessageVersion')

export const Reactions = z.strictObject({ message_id: id, reactions: z.array(Reaction).max(20) }).openapi('Reactions')

/** What of a message depends on who looks at it. */
type Viewer = { id: string; reacted: string[] }

export const toReactions = (counts: Record<string, number>, viewer?: Viewer) =>
  Object.entries(counts).map(([emoji, count]) => ({
    emoji,
    count,
    ...(viewer && { me: viewer.reacted.includes(emoji) }),
  }))

/** Without a viewer it is what everybody is sent. */
export const toChannelMessage = (
  channelId: string,
  row: MessageJson,
  viewer?: Viewer,
): z.infer<typeof ChannelMessage> => ({
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

export const toMessageVersion = ({ version, content, replacedAt }: VersionRow): z.infer<typeof MessageVersion> => ({
  version,
  content,
  replaced_at: new Date(replacedAt).toISOString(),
})
