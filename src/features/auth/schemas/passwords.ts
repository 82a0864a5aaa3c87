import { z } from '@hono/zod-openapi'
import { filled, text } from '../../../lib/wire-fields.ts'
import { email, password } from '../../users/schemas/user.ts'

const token = filled(200).openapi({
  description: 'From the mail',
  example: 'q2Zy0f1o5mS0Xl2b9gk3tqk8m1Yw0sZc4nq7rJ6uV0E',
})

export const EmailAddress = z.strictObject({ email }).openapi('EmailAddress')
export const Verification = z.strictObject({ token }).openapi('Verification')
export const PasswordReset = z.strictObject({ token, new_password: password }).openapi('PasswordReset')
export const PasswordChange = z
  .strictObject({ current_password: password, new_password: password })
  .openapi('PasswordChange')

export const MailAnswer = z
  .strictObject({ detail: text(200) })
  .openapi('MailAnswer', { example: { detail: 'If there is such an account, a mail is on its way' } })
