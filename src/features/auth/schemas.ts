import { z } from '@hono/zod-openapi'
import type { users } from '../../db/schema/index.ts'

/** No control, zero-width or bidirectional characters: names are shown to other people. */
const PLAIN_TEXT = '^[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]*$'

const email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .pipe(z.email())
  .openapi({ type: 'string', format: 'email', maxLength: 254, example: 'ada@example.com' })
const username = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9._-]{3,32}$/, '3 to 32 letters, digits, dots, dashes or underscores')
  .openapi({ example: 'ada' })
const displayName = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(new RegExp(PLAIN_TEXT, 'u'))
  .openapi({ pattern: PLAIN_TEXT, example: 'Ada Lovelace' })
/** A bound for the reader only; the policy counts code points. */
const password = z.string().min(1).max(1_024).openapi({ format: 'password', example: 'correct-horse-battery' })
const refreshToken = z.string().min(1).max(200).openapi({ example: 'q2Zy0f1o5mS0Xl2b9gk3tqk8m1Yw0sZc4nq7rJ6uV0E' })

export const User = z
  .strictObject({
    id: z.uuid(),
    email: z.string().max(254).nullable(),
    username: z.string().max(32).nullable(),
    display_name: z.string().max(80),
    role: z.enum(['user', 'admin']),
    plan: z.string().max(32),
    created_at: z.iso.datetime(),
  })
  .openapi('User')

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toUser = (row: typeof users.$inferSelect): z.infer<typeof User> => ({
  id: row.id,
  email: row.email,
  username: row.username,
  display_name: row.displayName,
  role: row.role,
  plan: row.plan,
  created_at: row.createdAt.toISOString(),
})

const EMAIL_OR_USERNAME = { anyOf: [{ required: ['email'] }, { required: ['username'] }] }

export const Registration = z
  .strictObject({
    email: email.optional(),
    username: username.optional(),
    password,
    display_name: displayName.optional(),
  })
  .refine((given) => given.email ?? given.username, { message: 'Give an email, a username, or both', path: ['email'] })
  .openapi('Registration', EMAIL_OR_USERNAME)
export type Registration = z.infer<typeof Registration>

/** The identifiers of a login are not checked for form: what nobody registered is a wrong name, not a 422. */
const identifier = z.string().trim().toLowerCase().min(1).max(254)

export const Credentials = z
  .strictObject({
    email: identifier.optional().openapi({ example: 'ada@example.com' }),
    username: identifier.optional().openapi({ example: 'ada' }),
    password: password.refine((text) => [...text].length <= 256, 'At most 256 characters'),
  })
  .refine((given) => given.email ?? given.username, { message: 'Give the email or the username', path: ['email'] })
  .openapi('Credentials', EMAIL_OR_USERNAME)
export type Credentials = z.infer<typeof Credentials>

/** OAuth 2 password grant (RFC 6749 4.3.2), as Swagger's Authorize sends it. Other fields are ignored, as 3.2 says. */
export const TokenRequest = z
  .object({
    grant_type: z.string().max(64).optional(),
    username: identifier.optional(),
    password: password.optional(),
    scope: z.string().max(200).optional(),
    client_id: z.string().max(200).optional(),
    client_secret: z.string().max(200).optional(),
  })
  .openapi('TokenRequest')

export const TokenAnswer = z
  .strictObject({
    access_token: z.string().max(4_096),
    token_type: z.literal('bearer'),
    expires_in: z.int().min(1).openapi({ description: 'Seconds', example: 1800 }),
    refresh_token: z.string().max(200),
  })
  .openapi('TokenAnswer')

// Spread, not extended: the document would join two closed objects, which nothing fits.
export const SignedIn = z.strictObject({ ...TokenAnswer.shape, user: User }).openapi('SignedIn')

export const TokenError = z
  .strictObject({
    error: z.enum(['invalid_request', 'invalid_grant', 'unsupported_grant_type', 'temporarily_unavailable']),
    error_description: z.string().max(500),
  })
  .openapi('TokenError')

/** Contract 5 writes `refreshToken`. */
const eitherToken = z.strictObject({ refresh_token: refreshToken.optional(), refreshToken: refreshToken.optional() })

export const RefreshRequest = eitherToken
  .refine((given) => given.refresh_token ?? given.refreshToken, {
    message: 'Give the refresh token',
    path: ['refresh_token'],
  })
  .openapi('RefreshRequest')

export const LogoutRequest = eitherToken.openapi('LogoutRequest')
