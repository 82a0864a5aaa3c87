import { clientOf } from '../../../http/client-address.ts'
import { createRouter } from '../../../http/create-app.ts'
import { authed, open } from '../../../http/guards.ts'
import { body, json, noContent } from '../../../http/openapi.ts'
import { EmailAddress, MailAnswer, PasswordChange, PasswordReset, Verification } from '../schemas/passwords.ts'
import { changePassword, forgotPassword, resetPassword } from '../service/password.ts'
import { resendVerification, verifyEmail } from '../service/verification.ts'

const tags = ['auth']

/** The same words whether there is such an account or not. */
const ON_ITS_WAY = { detail: 'If there is such an account, a mail is on its way' }

export const passwordRoutes = createRouter()

passwordRoutes.openapi(
  open(
    {
      operationId: 'verifyEmail',
      tags,
      method: 'post',
      path: '/auth/verify',
      summary: 'Confirm an email address by the code from the mail',
      limit: 'auth',
      request: { body: body(Verification) },
      responses: { 204: noContent('The address is confirmed') },
    },
    ['invalid_token', 'rate_limit_exceeded'],
  ),
  async (c) => {
    await verifyEmail(c.var.ctx, c.req.valid('json').token, await clientOf(c))
    return c.body(null, 204)
  },
)

passwordRoutes.openapi(
  open(
    {
      operationId: 'resendVerification',
      tags,
      method: 'post',
      path: '/auth/verify/resend',
      summary: 'Send the code that confirms an address again',
      limit: 'auth',
      request: { body: body(EmailAddress) },
      responses: { 202: json(MailAnswer, 'Whether there is such an account is not said') },
    },
    ['rate_limit_exceeded'],
  ),
  async (c) => {
    await resendVerification(c.var.ctx, c.req.valid('json').email, await clientOf(c))
    return c.json(ON_ITS_WAY, 202)
  },
)

passwordRoutes.openapi(
  open(
    {
      operationId: 'forgotPassword',
      tags,
      method: 'post',
      path: '/auth/password/forgot',
      summary: 'Send a code that lets a new password be set',
      limit: 'auth',
      request: { body: body(EmailAddress) },
      responses: { 202: json(MailAnswer, 'Whether there is such an account is not said') },
    },
    ['rate_limit_exceeded'],
  ),
  async (c) => {
    await forgotPassword(c.var.ctx, c.req.valid('json').email, await clientOf(c))
    return c.json(ON_ITS_WAY, 202)
  },
)

passwordRoutes.openapi(
  open(
    {
      operationId: 'resetPassword',
      tags,
      method: 'post',
      path: '/auth/password/reset',
      summary: 'Set a new password by the code from the mail; all sessions end',
      limit: 'auth',
      request: { body: body(PasswordReset) },
      responses: { 204: noContent('The new password works') },
    },
    ['invalid_token', 'rate_limit_exceeded', 'overloaded'],
  ),
  async (c) => {
    const { token, new_password } = c.req.valid('json')
    await resetPassword(c.var.ctx, { token, next: new_password }, await clientOf(c))
    return c.body(null, 204)
  },
)

passwordRoutes.openapi(
  authed(
    {
      operationId: 'changePassword',
      tags,
      method: 'post',
      path: '/auth/password/change',
      summary: 'Set a new password; all other sessions end',
      request: { body: body(PasswordChange) },
      responses: { 204: noContent('The new password works') },
    },
    ['rate_limit_exceeded', 'overloaded'],
  ),
  async (c) => {
    const { current_password, new_password } = c.req.valid('json')
    await changePassword(c.var.ctx, { current: current_password, next: new_password }, await clientOf(c))
    return c.body(null, 204)
  },
)
