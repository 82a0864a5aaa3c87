import { z } from '@hono/zod-openapi'
import { id, maybeMoment, moment } from '../../../http/fields.ts'
import { PageQuery } from '../../../http/pages.ts'
import { filled, integer, notBlank, text, trimmed } from '../../../lib/wire-fields.ts'
import { planId } from '../../plans/schemas.ts'

/** No control, zero-width or bidirectional characters: names are shown to other people. */
const PLAIN_TEXT = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u
/** The same in what every reader of the document knows, but for those beyond the basic plane. */
const PLAIN_PATTERN =
  '^[^\\u0000-\\u001F\\u007F-\\u009F\\u00AD\\u0600-\\u0605\\u061C\\u06DD\\u070F\\u0890\\u0891\\u08E2\\u180E\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u2064\\u2066-\\u206F\\uFEFF\\uFFF9-\\uFFFB]*$'

export const email = trimmed(254)
  .toLowerCase()
  .pipe(z.email())
  .openapi({ type: 'string', format: 'email', maxLength: 254, example: 'ada@example.com' })
const maybeEmail = email.nullable().openapi({ type: ['string', 'null'] })
export const username = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9._-]{3,32}$/, '3 to 32 letters, digits, dots, dashes or underscores')
  .openapi({ maxLength: 32, example: 'ada' })
export const displayName = filled(80)
  .regex(PLAIN_TEXT)
  .openapi({ pattern: notBlank(PLAIN_PATTERN), example: 'Ada Lovelace' })
/** A bound for the reader only; the policy counts code points. */
export const password = text(1_024).min(1).openapi({ format: 'password', example: 'correct-horse-battery' })

export const EMAIL_OR_USERNAME = { anyOf: [{ required: ['email'] }, { required: ['username'] }] }

const role = z.enum(['user', 'admin'])

export const User = z
  .strictObject({
    id,
    email: text(254).nullable().openapi({ example: 'ada@example.com' }),
    email_verified: z.boolean(),
    username: text(32).nullable().openapi({ example: 'ada' }),
    display_name: text(80).openapi({ example: 'Ada Lovelace' }),
    role,
    plan: planId,
    created_at: moment,
  })
  .openapi('User')
export type User = z.infer<typeof User>

// Spread, not extended: the document would join two closed objects, which nothing fits.
export const AccountOfUser = z
  .strictObject({
    ...User.shape,
    is_active: z.boolean(),
    last_active_at: maybeMoment.openapi({ description: 'The hour in which a session was last opened or refreshed' }),
  })
  .openapi('AccountOfUser', { description: 'A user as admins see them' })
export type AccountOfUser = z.infer<typeof AccountOfUser>

export const NewUser = z
  .strictObject({
    email: email.optional(),
    username: username.optional(),
    password,
    display_name: displayName.optional(),
  })
  .refine((given) => given.email ?? given.username, { message: 'Give an email, a username, or both', path: ['email'] })
  .openapi('NewUser', EMAIL_OR_USERNAME)
export type NewUser = z.infer<typeof NewUser>

const currentPassword = password
  .max(512)
  .optional()
  .openapi({ description: 'Needed to change one’s own email: whoever reads it can reset the password' })

export const UserChanges = z
  .strictObject({
    email: maybeEmail.optional(),
    username: username.nullable().optional(),
    display_name: displayName.optional(),
    current_password: currentPassword,
  })
  .refine(
    ({ current_password, ...changes }) => Object.values(changes).some((value) => value !== undefined),
    'Nothing to change',
  )
  .openapi('UserChanges', { anyOf: [...EMAIL_OR_USERNAME.anyOf, { required: ['display_name'] }] })
export type UserChanges = z.infer<typeof UserChanges>

export const UserReplacement = z
  .strictObject({
    email: maybeEmail,
    username: username.nullable(),
    display_name: displayName,
    current_password: currentPassword,
  })
  .refine((given) => given.email ?? given.username, { message: 'Give an email, a username, or both', path: ['email'] })
  .openapi('UserReplacement')
export type UserReplacement = z.infer<typeof UserReplacement>

/** What only admins may change. */
export const AccountChanges = z
  .strictObject({ role: role.optional(), plan: planId.optional(), is_active: z.boolean().optional() })
  .refine((changes) => Object.values(changes).some((value) => value !== undefined), 'Nothing to change')
  .openapi('AccountChanges', { minProperties: 1 })
export type AccountChanges = z.infer<typeof AccountChanges>

export const RoleChange = z.strictObject({ role }).openapi('RoleChange')

export const UserQuery = PageQuery.extend({
  search: trimmed(200)
    .regex(PLAIN_TEXT)
    .refine((text) => text === '' || [...text].length >= 3, 'At least 3 characters')
    .optional()
    .openapi({
      pattern: PLAIN_PATTERN,
      description: 'Part of an email, username or display name, whatever its case',
      example: 'lovelace',
    }),
  role: role.optional(),
  plan: planId.optional(),
  state: z.enum(['active', 'disabled']).optional(),
})

export const Removed = z
  .strictObject({
    complete: z.boolean().openapi({
      description: 'False when there was much: the account is closed and the server goes on removing it',
    }),
    conversations: integer(0).openapi({ example: 12 }),
    messages: integer(0).openapi({ example: 340 }),
    files: integer(0).openapi({ example: 0 }),
    sessions: integer(0).openapi({ example: 2 }),
  })
  .openapi('Removed', { description: 'How much was removed along with an account so far' })
