import { clientOf } from '../../../http/client-address.ts'
import { createRouter } from '../../../http/create-app.ts'
import { authed, bearerOf, open } from '../../../http/guards.ts'
import { body, json, noContent } from '../../../http/openapi.ts'
import { NewUser, User } from '../../users/schemas/user.ts'
import { getMe } from '../../users/service/accounts.ts'
import { toUser } from '../../users/wire/user.ts'
import { Credentials, LogoutRequest, RefreshRequest, SignedIn } from '../schemas/sign-in.ts'
import { register } from '../service/accounts.ts'
import { logout, refresh } from '../service/sessions.ts'
import { login } from '../service/sign-in.ts'
import { toSignedIn } from '../wire.ts'

const tags = ['auth']

export const signInRoutes = createRouter()

signInRoutes.openapi(
  open(
    {
      operationId: 'register',
      tags,
      method: 'post',
      path: '/auth/register',
      summary: 'Make an account and sign in',
      limit: 'auth',
      request: { body: body(NewUser) },
      responses: { 201: json(SignedIn, 'The new user, signed in') },
    },
    ['conflict', 'rate_limit_exceeded', 'overloaded'],
  ),
  async (c) => c.json(toSignedIn(await register(c.var.ctx, c.req.valid('json'), await clientOf(c))), 201),
)

signInRoutes.openapi(
  open(
    {
      operationId: 'login',
      tags,
      method: 'post',
      path: '/auth/login',
      summary: 'Sign in with email or username',
      limit: 'auth',
      request: { body: body(Credentials) },
      responses: { 200: json(SignedIn, 'The user, signed in') },
    },
    ['invalid_credentials', 'rate_limit_exceeded', 'overloaded'],
  ),
  async (c) => c.json(toSignedIn(await login(c.var.ctx, c.req.valid('json'), await clientOf(c))), 200),
)

signInRoutes.openapi(
  open(
    {
      operationId: 'refresh',
      tags,
      method: 'post',
      path: '/auth/refresh',
      summary: 'Exchange a refresh token for its successor and a fresh access token',
      limit: 'auth',
      request: { body: body(RefreshRequest) },
      responses: { 200: json(SignedIn, 'Fresh tokens') },
    },
    ['unauthorized', 'rate_limit_exceeded'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    return c.json(toSignedIn(await refresh(c.var.ctx, (given.refresh_token ?? given.refreshToken)!)), 200)
  },
)

signInRoutes.openapi(
  open(
    {
      operationId: 'logout',
      tags,
      method: 'post',
      path: '/auth/logout',
      summary: 'End the session of the refresh token, or the bearer’s own without a body',
      limit: 'auth',
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
    await logout(c.var.ctx, refreshToken ? { refreshToken } : { bearer: await bearerOf(c) })
    return c.body(null, 204)
  },
)

signInRoutes.openapi(
  authed({
    operationId: 'getMe',
    tags,
    method: 'get',
    path: '/auth/me',
    summary: 'Who I am',
    responses: { 200: json(User, 'The signed-in user') },
  }),
  async (c) => c.json(toUser(await getMe(c.var.ctx)), 200),
)
