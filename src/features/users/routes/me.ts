import { clientOf } from '../../../http/client-address.ts'
import { createRouter } from '../../../http/create-app.ts'
import { authed } from '../../../http/guards.ts'
import { describeError } from '../../../http/log.ts'
import { ndjson } from '../../../http/ndjson.ts'
import { body, json } from '../../../http/openapi.ts'
import { text } from '../../../lib/wire-fields.ts'
import { Removed, User, UserChanges } from '../schemas/user.ts'
import { getMe, updateUser } from '../service/accounts.ts'
import { deleteAccount } from '../service/deletion.ts'
import { exportAccount } from '../service/export.ts'
import { toLine } from '../wire/export.ts'
import { toChanges, toUser } from '../wire/user.ts'

const tags = ['users']

export const meRoutes = createRouter()

meRoutes.openapi(
  authed({
    operationId: 'getOwnUser',
    tags,
    method: 'get',
    path: '/users/me',
    summary: 'My account',
    responses: { 200: json(User, 'My account') },
  }),
  async (c) => c.json(toUser(await getMe(c.var.ctx)), 200),
)

meRoutes.openapi(
  authed(
    {
      operationId: 'updateOwnUser',
      tags,
      method: 'patch',
      path: '/users/me',
      summary: 'Change my email, username or display name',
      request: { body: body(UserChanges) },
      responses: { 200: json(User, 'My account') },
    },
    ['conflict', 'rate_limit_exceeded', 'overloaded'],
  ),
  async (c) => {
    const { changes, password } = toChanges(c.req.valid('json'))
    const proof = { password, client: await clientOf(c) }
    return c.json(toUser(await updateUser(c.var.ctx, c.var.ctx.user.id, changes, proof)), 200)
  },
)

meRoutes.openapi(
  authed(
    {
      operationId: 'deleteOwnUser',
      tags,
      method: 'delete',
      path: '/users/me',
      summary: 'Delete my account with everything in it',
      responses: { 200: json(Removed, 'It is closed; so much is gone') },
    },
    ['last_admin'],
  ),
  async (c) => c.json(await deleteAccount(c.var.ctx, c.var.ctx.user.id), 200),
)

meRoutes.openapi(
  authed({
    operationId: 'exportOwnUser',
    tags,
    method: 'get',
    path: '/users/me/export',
    summary: 'Everything that is held about me, one JSON document per line; whole only with the last line, `end`',
    responses: {
      200: {
        description: 'Lines with a `type`',
        content: { 'application/x-ndjson': { schema: text(1_000_000_000) } },
      },
    },
  }),
  async (c) => {
    const { ctx } = c.var
    const records = await exportAccount(ctx)
    return ndjson({
      filename: 'parley-export.ndjson',
      lines: (async function* () {
        for await (const record of records) yield toLine(record, ctx.user.id)
      })(),
      failed: (error) => ctx.log('error', 'export_failed', describeError(error)),
    }) as never
  },
)
