import { clientOf } from '../../../http/client-address.ts'
import { createRouter } from '../../../http/create-app.ts'
import { admin, authed } from '../../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../../http/idempotency.ts'
import { body, IdParam, json, page } from '../../../http/openapi.ts'
import { nextPage } from '../../../http/pages.ts'
import { AccountOfUser, NewUser, Removed, User, UserChanges, UserQuery, UserReplacement } from '../schemas/user.ts'
import { createUser, getUser, updateUser } from '../service/accounts.ts'
import { deleteAccount } from '../service/deletion.ts'
import { listUsers } from '../service/list.ts'
import { toAccountOfUser, toChanges, toUser } from '../wire/user.ts'

const tags = ['users']
const CHANGE_ERRORS = ['not_found', 'conflict', 'rate_limit_exceeded', 'overloaded'] as const

export const userRoutes = createRouter()

userRoutes.openapi(
  admin(
    {
      operationId: 'listUsers',
      tags,
      method: 'get',
      path: '/users',
      summary: 'List and search all users, newest first',
      request: { query: UserQuery },
      responses: { 200: page(AccountOfUser, 'One page of users') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const found = await listUsers(c.var.ctx, c.req.valid('query'))
    return c.json(found.items.map(toAccountOfUser), 200, nextPage(c, found))
  },
)

userRoutes.openapi(
  admin(
    {
      operationId: 'createUser',
      tags,
      method: 'post',
      path: '/users',
      summary: 'Make an account for somebody',
      request: { headers: IdempotencyHeader, body: body(NewUser) },
      responses: { 201: json(User, 'The new user', 'Location', 'Idempotency-Replayed') },
    },
    ['conflict', 'not_found', 'idempotency_key_invalid', 'idempotency_key_reused', 'overloaded'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    const { password: _, ...known } = given
    // Not of the password: a hash of it that is fast to make would be stored.
    const { user, replayed } = await createUser(c.var.ctx, given, await idempotencyOf(c, known))
    return c.json(toUser(user), 201, { location: `/api/v1/users/${user.id}`, ...replayedHeader(replayed) })
  },
)

userRoutes.openapi(
  authed(
    {
      operationId: 'getUser',
      tags,
      method: 'get',
      path: '/users/{id}',
      summary: 'One’s own account, or anybody’s for an admin',
      request: { params: IdParam },
      responses: { 200: json(User, 'The user') },
    },
    ['not_found'],
  ),
  async (c) => c.json(toUser(await getUser(c.var.ctx, c.req.valid('param').id)), 200),
)

userRoutes.openapi(
  authed(
    {
      operationId: 'updateUser',
      tags,
      method: 'patch',
      path: '/users/{id}',
      summary: 'Change email, username or display name',
      request: { params: IdParam, body: body(UserChanges) },
      responses: { 200: json(User, 'The user') },
    },
    CHANGE_ERRORS,
  ),
  async (c) => {
    const { changes, password } = toChanges(c.req.valid('json'))
    const proof = { password, client: await clientOf(c) }
    return c.json(toUser(await updateUser(c.var.ctx, c.req.valid('param').id, changes, proof)), 200)
  },
)

userRoutes.openapi(
  authed(
    {
      operationId: 'replaceUser',
      tags,
      method: 'put',
      path: '/users/{id}',
      summary: 'Set email, username and display name at once',
      request: { params: IdParam, body: body(UserReplacement) },
      responses: { 200: json(User, 'The user') },
    },
    CHANGE_ERRORS,
  ),
  async (c) => {
    const { changes, password } = toChanges(c.req.valid('json'))
    const proof = { password, client: await clientOf(c) }
    return c.json(toUser(await updateUser(c.var.ctx, c.req.valid('param').id, changes, proof)), 200)
  },
)

userRoutes.openapi(
  authed(
    {
      operationId: 'deleteUser',
      tags,
      method: 'delete',
      path: '/users/{id}',
      summary: 'Delete an account with everything in it',
      request: { params: IdParam },
      responses: { 200: json(Removed, 'It is closed; so much is gone') },
    },
    ['not_found', 'last_admin'],
  ),
  async (c) => c.json(await deleteAccount(c.var.ctx, c.req.valid('param').id), 200),
)
