import { z } from '@hono/zod-openapi'
import { FILLED, integer, made, text } from '../../../lib/wire-fields.ts'
import { EMAIL_OR_USERNAME, password, User } from '../../users/schemas/user.ts'

const refreshToken = text(200).min(1).openapi({ example: 'q2Zy0f1o5mS0Xl2b9gk3tqk8m1Yw0sZc4nq7rJ6uV0E' })

/** The identifiers of a login are not checked for form: what nobody registered is a wrong name, not a 422. */
const identifier = z.string().trim().toLowerCase().min(1).max(254).meta(FILLED)

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
    grant_type: text(64).optional(),
    username: identifier.optional(),
    password: password.optional(),
    scope: text(200).optional(),
    client_id: text(200).optional(),
    client_secret: text(200).optional(),
  })
  .openapi('TokenRequest')

export const TokenAnswer = z
  .strictObject({
    access_token: made('A-Za-z0-9._-', 4_096),
    token_type: z.literal('bearer'),
    expires_in: integer(1).openapi({ description: 'Seconds', example: 1800 }),
    refresh_token: made('A-Za-z0-9_-', 200),
  })
  .openapi('TokenAnswer')
export type TokenAnswer = z.infer<typeof TokenAnswer>

// Spread, not extended: the document would join two closed objects, which nothing fits.
export const SignedIn = z.strictObject({ ...TokenAnswer.shape, user: User }).openapi('SignedIn')
export type SignedIn = z.infer<typeof SignedIn>

export const TokenError = z
  .strictObject({
    error: z.enum(['invalid_request', 'invalid_grant', 'unsupported_grant_type', 'temporarily_unavailable']),
    error_description: text(500),
  })
  .openapi('TokenError')

/** Contract 5 writes `refreshToken`. */
const eitherToken = z.strictObject({ refresh_token: refreshToken.optional(), refreshToken: refreshToken.optional() })

export const RefreshRequest = eitherToken
  .refine((given) => given.refresh_token ?? given.refreshToken, {
    message: 'Give the refresh token',
    path: ['refresh_token'],
  })
  .openapi('RefreshRequest', { minProperties: 1 })

export const LogoutRequest = eitherToken.openapi('LogoutRequest')
