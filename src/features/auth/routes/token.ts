import type { z } from '@hono/zod-openapi'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { clientOf } from '../../../http/client-address.ts'
import { createRouter } from '../../../http/create-app.ts'
import { type AppError, ERRORS } from '../../../http/errors.ts'
import { open } from '../../../http/guards.ts'
import { json } from '../../../http/openapi.ts'
import { errorHeaders, reported } from '../../../http/problem.ts'
import { TokenAnswer, TokenError, TokenRequest } from '../schemas/sign-in.ts'
import { login } from '../service/sign-in.ts'
import { toTokenAnswer } from '../wire.ts'

/** A sub-app of its own: its errors have the form of RFC 6749, section 5.2. */
export const tokenRoutes = createRouter()

tokenRoutes.onError((error, c) => {
  const known = reported(error, c)
  const { status } = ERRORS[known.code]
  return c.json(
    { error: tokenErrorOf(known), error_description: known.message },
    (status === 401 ? 400 : status) as ContentfulStatusCode,
    status === 401 ? {} : errorHeaders(known),
  )
})

function tokenErrorOf({ code }: AppError): z.infer<typeof TokenError>['error'] {
  if (ERRORS[code].status >= 429) return 'temporarily_unavailable'
  return code === 'invalid_credentials' ? 'invalid_grant' : 'invalid_request'
}

const refusal = (description: string) => json(TokenError, description, 'Retry-After')

tokenRoutes.openapi(
  open({
    operationId: 'createToken',
    tags: ['auth'],
    method: 'post',
    path: '/',
    summary: 'OAuth 2 password grant, for Authorize in the documentation',
    limit: 'auth',
    request: { body: { required: true, content: { 'application/x-www-form-urlencoded': { schema: TokenRequest } } } },
    responses: {
      200: json(TokenAnswer, 'Tokens'),
      400: refusal('`invalid_request`, `invalid_grant` or `unsupported_grant_type`'),
      413: refusal('`invalid_request`'),
      415: refusal('`invalid_request`'),
      422: refusal('`invalid_request`'),
      429: refusal('`temporarily_unavailable`'),
      500: refusal('`temporarily_unavailable`'),
      503: refusal('`temporarily_unavailable`'),
    },
  }),
  async (c) => {
    const { grant_type = 'password', username, password } = c.req.valid('form')
    if (grant_type !== 'password' || c.var.config.AUTH_PASSWORD_GRANT === 'off') {
      const error = 'unsupported_grant_type' as const
      return c.json({ error, error_description: 'Only the password grant works here' }, 400)
    }
    if (!username || !password) {
      const error = 'invalid_request' as const
      return c.json({ error, error_description: 'username and password are required' }, 400)
    }
    const name = username.includes('@') ? { email: username } : { username }
    return c.json(toTokenAnswer(await login(c.var.ctx, { ...name, password }, await clientOf(c))), 200)
  },
)
