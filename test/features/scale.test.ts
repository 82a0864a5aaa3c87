import { env } from 'cloudflare:workers'
import { beforeAll, expect, test } from 'vitest'
import { listAudit } from '../../src/features/admin/service/audit.ts'
import { readMetrics } from '../../src/features/admin/service/metrics.ts'
import { readDatabaseState } from '../../src/features/system/service.ts'
import { listUsers, type UserFilter } from '../../src/features/users/service/list.ts'
import type { Ctx } from '../../src/http/context.ts'
import { encodeCursor } from '../../src/lib/cursors.ts'
import { countTo, signInAdmin } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const USERS = 200_000
const AT_ONCE = 20_000

type Cost = { trips: number; rowsRead: number }

let costOf: <T>(call: (ctx: Ctx) => Promise<T>) => Promise<Cost & { found: T }>

beforeAll(async () => {
  const admin = await signInAdmin()
  costOf = async (call) => {
    const { ctx, meter } = ctxOf(admin)
    const found = await call(ctx)
    return { found, trips: meter.trips, rowsRead: meter.rowsRead }
  }
  for (const part of countTo(USERS / AT_ONCE)) {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO users (id, email, username, display_name, password_hash, role, plan, disabled_at, deleted_at, created_at, updated_at)
       SELECT printf('01000000-0000-7000-8000-%012d', i), 'user' || i || '@example.com', 'user' || i, 'User number ' || i, '',
         'user', iif(i % 1000 = 0, 'pro', 'free'), iif(i % 100 = 0, 1, NULL), iif(i % 2 = 1 AND i > 100000, 1, NULL),
         ?3 - i * 150000, 0 FROM n`,
    )
      .bind((part - 1) * AT_ONCE, part * AT_ONCE, Date.now())
      .run()
  }
}, 180_000)

/** What is asked for, and how many the first page has. */
const FILTERS: [string, UserFilter, number][] = [
  ['all', {}, 20],
  ['a search that fits nearly everybody', { search: 'example.com' }, 20],
  ['one who is searched by address', { search: 'user123456@' }, 1],
  ['a search that fits nobody', { search: 'nobody at all' }, 0],
  ['a rare plan', { plan: 'pro' }, 20],
  ['a state', { state: 'disabled' }, 20],
  ['admins', { role: 'admin' }, 1],
  ['a rare plan and a rare state', { plan: 'pro', state: 'disabled' }, 20],
  ['a plan and a state that never come together', { plan: 'pro', state: 'active' }, 0],
  ['a search with every filter', { search: 'user number', role: 'user', plan: 'pro', state: 'disabled' }, 20],
]

test.each(FILTERS)('of 200,000 users a page of %s reads a bounded number of rows', async (_, filter, count) => {
  const { found, trips, rowsRead } = await costOf((ctx) => listUsers(ctx, { ...filter, limit: 20 }))
  if (found.next) {
    const cursor = encodeCursor({ ...found.next, key: [1_001] })
    const deep = await costOf((ctx) => listUsers(ctx, { ...filter, limit: 20, cursor }))
    expect(deep.rowsRead).toBeLessThanOrEqual(2 * 21)
  }
  expect([found.items.length, trips]).toEqual([count, 1])
  // A row of the index and one of the table for each that is given, and for the one that tells of more.
  expect(rowsRead).toBeLessThanOrEqual(2 * 21)
})

test('the metrics, the state of the database and the audit log read counters and indexes, not users', async () => {
  const costs = [
    await costOf((ctx) => readMetrics(ctx, 366)),
    await costOf((ctx) => readDatabaseState(ctx)),
    await costOf((ctx) => listAudit(ctx, { limit: 20 })),
  ]
  expect(costs.map(({ trips }) => trips)).toEqual([1, 1, 1])
  for (const { rowsRead } of costs) expect(rowsRead).toBeLessThanOrEqual(13 * 366)
})
