import { z } from '@hono/zod-openapi'
import { CHANNEL_KINDS, MEMBER_ROLES, VISIBILITIES } from '../../../db/schema/channels.ts'
import { id, maybeMoment, moment, SHOWN } from '../../../http/fields.ts'
import { FILLED, filled, integer, made, notBlank, text, trimmed } from '../../../lib/wire-fields.ts'

export const seq = integer(0).openapi({ example: 413, description: 'Number of an event of the channel' })

const name = filled(80)
  .regex(new RegExp(SHOWN, 'u'))
  .openapi({ pattern: notBlank(SHOWN), example: 'general' })
const description = trimmed(500).nullable().openapi({ example: 'General discussion' })
const visibility = z.enum(VISIBILITIES)
const slowModeS = integer(0, 21_600).openapi({
  example: 0,
  description: 'Seconds that a member waits between two messages',
})

export const Person = z
  .strictObject({
    id,
    username: text(32).nullable().openapi({ example: 'johndoe', description: 'Of a chatbot: its handle' }),
    display_name: text(120).openapi({ example: 'John Doe' }),
    kind: z.enum(['user', 'chatbot']),
  })
  .openapi('Person')
export type Person = z.infer<typeof Person>

const shape = {
  id,
  name: text(80).openapi({ example: 'general' }),
  description: text(500).nullable().openapi({ example: 'General discussion' }),
  owner_id: id,
  created_at: moment,
  kind: z.enum(CHANNEL_KINDS),
  visibility,
  slow_mode_s: slowModeS,
  epoch: integer(1).openapi({ example: 1, description: 'Numbers of events hold within an epoch' }),
  last_seq: seq,
}

export const Channel = z
  .strictObject({
    ...shape,
    role: z.enum(MEMBER_ROLES).nullable().openapi({ description: 'Yours; null when you are no member' }),
    read_seq: seq,
  })
  .openapi('Channel')
export type Channel = z.infer<typeof Channel>

/** A channel as everybody is told of it: without what is one's own. */
export const PushedChannel = z.strictObject(shape).openapi('PushedChannel')
export type PushedChannel = z.infer<typeof PushedChannel>

const BanEntry = z.strictObject({ user_id: id, created_at: moment }).openapi('MemberException')

// Of the shape, as an extension would be an `allOf` of closed objects, which nothing fits.
export const ChannelWithExceptions = z
  .strictObject({
    ...Channel.shape,
    member_exceptions: z.array(BanEntry).max(100).openapi({ description: 'Who is banned, the oldest ban first' }),
  })
  .openapi('ChannelWithExceptions')
export type ChannelWithExceptions = z.infer<typeof ChannelWithExceptions>

export const NewChannel = z
  .strictObject({
    name,
    description: description.default(null),
    visibility: visibility.default('public'),
    slow_mode_s: slowModeS.default(0),
  })
  .openapi('NewChannel')
export type NewChannel = z.infer<typeof NewChannel>

export const ChannelChanges = z
  .strictObject({
    name: name.optional(),
    description: description.optional(),
    visibility: visibility.optional(),
    slow_mode_s: slowModeS.optional(),
  })
  .refine((changes) => Object.values(changes).some((value) => value !== undefined), 'Nothing to change')
  .openapi('ChannelChanges', { minProperties: 1 })

export const NewDirectChannel = z
  .strictObject({
    usernames: z
      .array(z.string().trim().toLowerCase().min(1).max(32).meta(FILLED).openapi({ example: 'janedoe' }))
      .min(1)
      .max(9),
  })
  .openapi('NewDirectChannel')

export const BannedUser = z
  .strictObject({
    id,
    username: text(32).nullable().openapi({ example: 'banneduser' }),
    display_name: text(120).openapi({ example: 'Banned User' }),
    reason: text(500).nullable().openapi({ example: 'Spam' }),
  })
  .openapi('BannedUser')
export type BannedUser = z.infer<typeof BannedUser>

export const Invite = z
  .strictObject({
    id,
    expires_at: maybeMoment,
    max_uses: integer(1, 1_000).nullable().openapi({ example: 10 }),
    uses: integer(0).openapi({ example: 0 }),
    created_at: moment,
  })
  .openapi('Invite')
export type Invite = z.infer<typeof Invite>

export const NewInvite = z
  .strictObject({
    expires_in: integer(60, 30 * 86_400)
      .nullable()
      .default(7 * 86_400)
      .openapi({ example: 604_800, description: 'Seconds; null for one that does not expire' }),
    max_uses: integer(1, 1_000).nullable().default(null).openapi({ example: 10 }),
  })
  .openapi('NewInvite')

export const MadeInvite = z
  .strictObject({
    ...Invite.shape,
    code: made('A-Za-z0-9_-', 64).nullable().openapi({
      example: 'hUj0Yc3lZ9sQ1xv2',
      description: 'Shown this once; null when the request is repeated',
    }),
  })
  .openapi('MadeInvite')

const count = integer(0, 100).openapi({ example: 3, description: '100 means 100 or more' })

export const ReadState = z.strictObject({ read_seq: seq, unread: count, unread_mentions: count }).openapi('ReadState')
export type ReadState = z.infer<typeof ReadState>

export const Unread = z
  .strictObject({ channel_id: id, head: seq, read_seq: seq, unread: count, unread_mentions: count })
  .openapi('Unread')
export type Unread = z.infer<typeof Unread>
