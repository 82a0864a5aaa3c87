import type { z } from '@hono/zod-openapi'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { clientOf } from '../../http/client-address.ts'
import { createRouter } from '../../http/create-app.ts'
import { type AppError, ERRORS } from '../../http/errors.ts'
import { authed, bearerOf, open } from '../../http/guards.ts'
import { body, json, noContent } from '../../http/openapi.ts'
import { headersOf, reported } from '../../http/problem.ts'
import {
  Credentials,
  LogoutRequest,
  RefreshRequest,
  Registration,
  SignedIn,
  TokenAnswer,
  TokenError,
  TokenRequest,
  toUser,
  User,
} from './schemas.ts'
import * as auth from './service.ts'

const tags = ['auth']

type Session = Awaited<ReturnType<typeof auth.login>>

const toTokenAnswer = (session: Session): z.infer<typeof TokenAnswer> => ({
  access_token: session.accessToken,
  token_type: 'bearer',
  expires_in: session.expiresIn,
  refresh_token: session.refreshToken,
})

const toSignedIn = (session: Session): z.infer<typeof SignedIn> => ({
  ...toTokenAnswer(session),
  user: toUser(session.user),
})

export const authRoutes = createRouter()

authRoutes.openapi(
  open(
    {
      operationId: 'register',
      tags,
      method: 'post',
      path: '/auth/register',
      summary: 'Make an account and sign in',
      request: { body: body(Registration) },
      responses: { 201: json(SignedIn, 'The new user, signed in') },
    },
    ['conflict', 'overloaded'],
  ),
  async (c) => c.json(toSignedIn(await auth.register(c.var.ctx, c.req.valid('json'), await clientOf(c))), 201),
)

authRoutes.openapi(
  open(
    {
      operationId: 'login',
      tags,
      method: 'post',
      path: '/auth/login',
      summary: 'Sign in with email or username',
      request: { body: body(Credentials) },
      responses: { 200: json(SignedIn, 'The user, signed in') },
    },
    ['invalid_credentials', 'overloaded'],
  ),
  async (c) => c.json(toSignedIn(await auth.login(c.var.ctx, c.req.valid('json'), await clientOf(c))), 200),
)

authRoutes.openapi(
  open(
    {
      operationId: 'refresh',
      tags,
      method: 'post',
      path: '/auth/refresh',
      summary: 'Exchange a refresh token for its successor and a fresh access token',
      request: { body: body(RefreshRequest) },
      responses: { 200: json(SignedIn, 'Fresh tokens') },
    },
    ['unauthorized'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    return c.json(toSignedIn(await auth.refresh(c.var.ctx, (given.refresh_token ?? given.refreshToken)!)), 200)
  },
)

authRoutes.openapi(
  open(
    {
      operationId: 'logout',
      tags,
      method: 'post',
      path: '/auth/logout',
      summary: 'End the session of the refresh token, or the bearer’s own without a body',
      security: [{}, { bearer: [] }],
      request: { body: { content: { 'application/json': { schema: LogoutRequest } } } },
      responses: { 204: noContent('The session has ended, or had already') },
    },
    ['unauthorized'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    const refreshToken = given.refresh_token ?? given.refreshToken
    // The access token may have expired long before somebody signs out: the body alone is enough.
    await auth.logout(c.var.ctx, refreshToken ? { refreshToken } : { bearer: await bearerOf(c) })
    return c.body(null, 204)
  },
)

authRoutes.openapi(
  authed({
    operationId: 'getMe',
    tags,
    method: 'get',
    path: '/auth/me',
    summary: 'Who I am',
    responses: { 200: json(User, 'The signed-in user') },
  }),
  async (c) => c.json(toUser(await auth.getMe(c.var.ctx)), 200),
)

/** A sub-app of its own: its errors have the form of RFC 6749, section 5.2. */
export const tokenRoutes = createRouter()

tokenRoutes.onError((error, c) => {
  const known = reported(error, c)
  const { status } = ERRORS[known.code]
  return c.json(
    { error: tokenErrorOf(known), error_description: known.message },
    (status === 401 ? 400 : status) as ContentfulStatusCode,
    status === 401 ? {} : headersOf(known),
  )
})

function tokenErrorOf({ code }: AppError): z.infer<typeof TokenError>['error'] {
  if (ERRORS[code].status >= 500) return 'temporarily_unavailable'
  return code === 'invalid_credentials' ? 'invalid_grant' : 'invalid_request'
}

const refusal = (description: string) => json(TokenError, description, 'Retry-After')

tokenRoutes.openapi(
  open({
    operationId: 'createToken',
    tags,
    method: 'post',
    path: '/',
    summary: 'OAuth 2 password grant, for Authorize in the documentation',
    request: { body: { required: true, content: { 'application/x-www-form-urlencoded': { schema: TokenRequest } } } },
    responses: {
      200: json(TokenAnswer, 'Tokens'),
      400: refusal('`invalid_request`, `invalid_grant` or `unsupported_grant_type`'),
      413: refusal('`invalid_request`'),
      415: refusal('`invalid_request`'),
      422: refusal('`invalid_request`'),
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
    return c.json(toTokenAnswer(await auth.login(c.var.ctx, { ...name, password }, await clientOf(c))), 200)
  },
)
