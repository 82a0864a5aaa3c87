import { z } from '@hono/zod-openapi'
import { MEMBER_KINDS, MEMBER_ROLES } from '../../../db/schema/channels.ts'
import { id, maybeMoment, moment } from '../../../http/fields.ts'
import { FILLED, trimmed } from '../../../lib/wire-fields.ts'
import { Person } from './channel.ts'

const role = z.enum(MEMBER_ROLES)

export const Member = z
  .strictObject({
    user: Person,
    role,
    kind: z.enum(MEMBER_KINDS),
    muted_until: maybeMoment,
    joined_at: moment,
  })
  .openapi('Member')
export type Member = z.infer<typeof Member>

const nameOf = (example: string) =>
  z.string().trim().toLowerCase().min(1).max(32).meta(FILLED).optional().openapi({ example })

export const NewMember = z
  .strictObject({
    user_id: id.optional(),
    username: nameOf('janedoe'),
    chatbot_id: id.optional().openapi({ description: 'Of a chatbot of yours' }),
    handle: nameOf('support-bot'),
  })
  .refine((given) => Object.values(given).filter((value) => value !== undefined).length === 1, {
    message: 'Give one of user_id, username, chatbot_id and handle',
    path: ['user_id'],
  })
  .openapi('NewMember', { minProperties: 1, maxProperties: 1 })
export type NewMember = z.infer<typeof NewMember>

export const MemberChanges = z
  .strictObject({
    role: role.optional().openapi({ description: '`owner` hands the channel over; you remain its moderator' }),
    muted_until: z.iso.datetime().max(24).nullable().optional().openapi({ example: '2026-01-01T00:00:00.000Z' }),
  })
  .refine(({ role, muted_until }) => role !== undefined || muted_until !== undefined, 'Nothing to change')
  .refine(({ role, muted_until }) => role !== 'owner' || muted_until == null, {
    message: 'An owner is not muted',
    path: ['muted_until'],
  })
  .openapi('MemberChanges', { minProperties: 1 })

export const BanReason = z
  .strictObject({
    reason: trimmed(500).nullable().default(null).openapi({
      example: 'Spam',
      description: 'Who is banned reads it when they come back, and so do owner and moderators',
    }),
  })
  .openapi('BanReason')
