import { createRouter } from '../../../http/create-app.ts'
import { admin } from '../../../http/guards.ts'
import { body, IdParam, json, page } from '../../../http/openapi.ts'
import { nextPage } from '../../../http/pages.ts'
import { AccountChanges, AccountOfUser, Removed, RoleChange, UserQuery } from '../../users/schemas/user.ts'
import { getUser } from '../../users/service/accounts.ts'
import { deleteAccount } from '../../users/service/deletion.ts'
import { listUsers } from '../../users/service/list.ts'
import { toAccountOfUser } from '../../users/wire/user.ts'
import { changeAccount } from '../service/accounts.ts'

const tags = ['admin']

export const adminAccountRoutes = createRouter()

adminAccountRoutes.openapi(
  admin(
    {
      operationId: 'adminListUsers',
      tags,
      method: 'get',
      path: '/admin/users',
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

adminAccountRoutes.openapi(
  admin(
    {
      operationId: 'adminGetUser',
      tags,
      method: 'get',
      path: '/admin/users/{id}',
      summary: 'A user as admins see them',
      request: { params: IdParam },
      responses: { 200: json(AccountOfUser, 'The user') },
    },
    ['not_found'],
  ),
  async (c) => c.json(toAccountOfUser(await getUser(c.var.ctx, c.req.valid('param').id)), 200),
)

adminAccountRoutes.openapi(
  admin(
    {
      operationId: 'adminUpdateUser',
      tags,
      method: 'patch',
      path: '/admin/users/{id}',
      summary: 'Change role, plan or state; a disabled user is signed out everywhere',
      request: { params: IdParam, body: body(AccountChanges) },
      responses: { 200: json(AccountOfUser, 'The user') },
    },
    ['not_found', 'last_admin'],
  ),
  async (c) => {
    const { role, plan, is_active } = c.req.valid('json')
    const changed = await changeAccount(c.var.ctx, c.req.valid('param').id, { role, plan, isActive: is_active })
    return c.json(toAccountOfUser(changed), 200)
  },
)

adminAccountRoutes.openapi(
  admin(
    {
      operationId: 'adminSetRole',
      tags,
      method: 'patch',
      path: '/admin/users/{id}/role',
      summary: 'Make somebody an admin, or no longer one',
      request: { params: IdParam, body: body(RoleChange) },
      responses: { 200: json(AccountOfUser, 'The user') },
    },
    ['not_found', 'last_admin'],
  ),
  async (c) => {
    const { role } = c.req.valid('json')
    return c.json(toAccountOfUser(await changeAccount(c.var.ctx, c.req.valid('param').id, { role })), 200)
  },
)

adminAccountRoutes.openapi(
  admin(
    {
      operationId: 'adminDeleteUser',
      tags,
      method: 'delete',
      path: '/admin/users/{id}',
      summary: 'Delete an account with everything in it',
      request: { params: IdParam },
      responses: { 200: json(Removed, 'It is closed; so much is gone') },
    },
    ['not_found', 'last_admin'],
  ),
  async (c) => c.json(await deleteAccount(c.var.ctx, c.req.valid('param').id), 200),
)
