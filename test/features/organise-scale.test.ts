import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { removeExpiredConversations, removeExpiredShares } from '../../src/features/conversations/housekeeping.ts'
import {
  type ConversationFilter,
  listConversations,
  selectKeptConversations,
} from '../../src/features/conversations/service/read.ts'
import { listShares, readShared } from '../../src/features/conversations/service/shares.ts'
import { getProject, listProjects } from '../../src/features/projects/service.ts'
import type { Ctx } from '../../src/http/context.ts'
import { encodeCursor } from '../../src/lib/cursors.ts'
import { countTo, type SignedIn, signIn } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const ROWS = 200_000
const AT_ONCE = 20_000
/** A page of 20 and the row that tells of more. */
const PAGE = 21
const DEEP = 100_000

const idOf = (n: number) => `01000000-0000-7000-8000-${String(n).padStart(12, '0')}`
const project = idOf(7)
const TOKEN = 'x'.repeat(43)

let ada: SignedIn
let bob: SignedIn

/** Every hundredth conversation is archived; all are in one project, pinned, and have a tag. */
const TABLES = [
  `INSERT INTO projects (id, user_id, name, color, created_at, updated_at)
   SELECT printf('01000000-0000-7000-8000-%012d', i), ?3, 'Project', 'red', i, i FROM n`,
  `INSERT INTO conversations (id, user_id, project_id, state, pinned_at, tags, created_at, updated_at)
   SELECT printf('01000000-0000-7000-8000-%012d', i), ?3, '${project}', iif(i % 100 = 0, 'archived', 'active'), i, '["a"]', i, i FROM n`,
  `INSERT INTO shares (id, user_id, conversation_id, token, created_at, expires_at)
   SELECT printf('01000000-0000-7000-8000-%012d', i), ?3, '${idOf(1)}', iif(i = 0, '${TOKEN}', 't' || i), i, 9000000000000 FROM n`,
  `INSERT INTO shared_messages (share_id, place, role, content, created_at) SELECT '${idOf(0)}', i + 1, 'user', 'Hi', i FROM n
   WHERE ?3 <> ''`,
]

beforeAll(async () => {
  ada = await signIn()
  bob = await signIn()
  for (const insert of TABLES) {
    for (const part of countTo(ROWS / AT_ONCE)) {
      await env.DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2) ${insert}`,
      )
        .bind((part - 1) * AT_ONCE, part * AT_ONCE, ada.user.id)
        .run()
    }
  }
}, 300_000)

// The look for secrets in the database takes all of it into memory.
afterAll(async () => {
  const tables = ['shared_messages', 'shares', 'conversations', 'projects']
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)))
}, 120_000)

async function costOf<T>(call: (ctx: Ctx) => Promise<T>, user = ada) {
  const { ctx, meter } = ctxOf(user)
  const found = await call(ctx)
  return { found, trips: meter.trips, rowsRead: meter.rowsRead }
}

const FILTERS: [string, ConversationFilter, number][] = [
  ['all', {}, 2 * PAGE],
  ['archived ones', { isArchived: true }, 2 * PAGE],
  ['pinned ones', { isPinned: true }, 2 * PAGE],
  ['a project', { projectId: project }, 2 * PAGE + 2],
  ['a tag', { tag: 'a' }, 2 * PAGE],
  ['a tag that is on none', { tag: 'b' }, 1],
]

test.each(FILTERS)('of 200,000 conversations a page of %s reads a bounded number of rows', async (_, filter, most) => {
  const first = await costOf((ctx) => listConversations(ctx, { ...filter, limit: 20 }))
  expect([first.found.items.length, first.trips]).toEqual([filter.tag === 'b' ? 0 : 20, 1])
  expect(first.rowsRead).toBeLessThanOrEqual(most)
  if (!first.found.next) return
  const cursor = encodeCursor({ ...first.found.next, key: [DEEP, idOf(DEEP)] })
  const deep = await costOf((ctx) => listConversations(ctx, { ...filter, limit: 20, cursor }))
  expect(deep.found.items[0]!.updatedAt.getTime()).toBeLessThan(DEEP)
  expect(deep.rowsRead).toBeLessThanOrEqual(most)
})

test('what is somebody else’s is not walked through in search of what is one’s own', async () => {
  const lists: ((ctx: Ctx) => Promise<{ items: unknown[] }>)[] = [
    ...FILTERS.map(
      ([, filter]) =>
        (ctx: Ctx) =>
          listConversations(ctx, { ...filter, limit: 20 }),
    ),
    (ctx) => listProjects(ctx, { limit: 20 }),
    (ctx) => listShares(ctx, { limit: 20 }),
  ]
  for (const list of lists) {
    const { found, rowsRead } = await costOf(list, bob)
    expect(found.items).toEqual([])
    expect(rowsRead).toBeLessThanOrEqual(4)
  }
})

test('an admin’s page of somebody’s 200,000 conversations reads a bounded number of rows', async () => {
  const { found, rowsRead } = await costOf(async ({ db }) => selectKeptConversations(db, ada.user.id, { limit: 20 }))
  expect(found).toHaveLength(PAGE)
  expect(rowsRead).toBeLessThanOrEqual(2 * PAGE + 4)
})

test('of 200,000 projects a page reads a bounded number of rows, and so does one with 200,000 conversations', async () => {
  const pages = [
    await costOf((ctx) => listProjects(ctx, { limit: 20 })),
    await costOf((ctx) =>
      listProjects(ctx, { limit: 20, cursor: encodeCursor({ list: 'projects', key: [idOf(20)] }) }),
    ),
  ]
  expect(pages.map(({ found, trips }) => [found.items.length, trips])).toEqual([
    [20, 1],
    [20, 1],
  ])
  expect(pages[1]!.found.items.find(({ id }) => id === project)!.conversations).toHaveLength(20)
  for (const { rowsRead } of pages) expect(rowsRead).toBeLessThanOrEqual(2 * PAGE + 2 * 20)
  const one = await costOf((ctx) => getProject(ctx, project))
  expect(one.found.conversations).toHaveLength(20)
  expect(one.rowsRead).toBeLessThanOrEqual(2 + 2 * 20)
})

test('of 200,000 links and 200,000 copied messages a page reads a bounded number of rows', async () => {
  const links = await costOf((ctx) => listShares(ctx, { limit: 20 }))
  expect([links.found.items.length, links.trips]).toEqual([20, 1])
  expect(links.rowsRead).toBeLessThanOrEqual(2 * PAGE)
  for (const cursor of [undefined, encodeCursor({ list: 'shared', key: [DEEP] })]) {
    const shown = await costOf((ctx) => readShared(ctx, TOKEN, { limit: 20, cursor }))
    expect([shown.found.page.items.length, shown.trips]).toEqual([20, 1])
    expect(shown.rowsRead).toBeLessThanOrEqual(2 * PAGE + 10)
  }
})

test('the chores find that nothing has expired without looking at what has not', async () => {
  const costs = [await costOf(removeExpiredConversations), await costOf(removeExpiredShares)]
  expect(costs.map(({ trips }) => trips)).toEqual([1, 1])
  for (const { rowsRead } of costs) expect(rowsRead).toBeLessThanOrEqual(PAGE)
})
