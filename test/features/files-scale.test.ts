import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteFile } from '../../src/features/files/service/delete.ts'
import { getFile, listFiles } from '../../src/features/files/service/read.ts'
import { readDueTexts } from '../../src/features/files/service/texts.ts'
import { sweepFiles } from '../../src/features/files/sweep.ts'
import { listMessages } from '../../src/features/messages/service/read.ts'
import type { Ctx } from '../../src/http/context.ts'
import { encodeCursor } from '../../src/lib/cursors.ts'
import { countTo, type SignedIn, signIn, startConversation } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const ROWS = 200_000
const AT_ONCE = 20_000
/** A page of 20 and the row that tells of more. */
const PAGE = 21

const idOf = (n: number) => `01000000-0000-7000-8000-${String(n).padStart(12, '0')}`

let ada: SignedIn

beforeAll(async () => {
  ada = await signIn()
  for (const part of countTo(ROWS / AT_ONCE)) {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO files (id, user_id, state, name, size, media_type, kind, sha256, object_key, text_status, created_at)
       SELECT printf('01000000-0000-7000-8000-%012d', i), ?3, 'ready', 'x', 1, 'text/plain', iif(i % 2, 'text', 'image'),
         printf('%064d', 0), 'files/' || i, iif(i % 2, 'ready', NULL), i FROM n`,
    )
      .bind((part - 1) * AT_ONCE, part * AT_ONCE, ada.user.id)
      .run()
  }
}, 300_000)

afterAll(async () => {
  await env.DB.batch(['message_files', 'files'].map((table) => env.DB.prepare(`DELETE FROM ${table}`)))
}, 120_000)

async function costOf<T>(call: (ctx: Ctx) => Promise<T>) {
  const { ctx, meter } = ctxOf(ada)
  const found = await call(ctx)
  return { found, trips: meter.trips, rowsRead: meter.rowsRead }
}

test('of 200,000 files a page, one, and the removal of one read a bounded number of rows', async () => {
  for (const kind of [undefined, 'text', 'image'] as const) {
    const deep = encodeCursor({ list: `files:${kind ?? ''}`, key: [idOf(1_000)] })
    for (const cursor of [undefined, deep]) {
      const page = await costOf((ctx) => listFiles(ctx, { limit: 20, cursor }, kind))
      expect([page.found.items.length, page.trips]).toEqual([20, 1])
      expect(page.rowsRead).toBeLessThanOrEqual(2 * PAGE)
    }
  }
  expect(await costOf((ctx) => getFile(ctx, idOf(5)))).toMatchObject({ trips: 1, rowsRead: 1 })
  const removal = await costOf((ctx) => deleteFile(ctx, idOf(6)))
  expect(removal.rowsRead).toBeLessThanOrEqual(30)
})

test('the chores find nothing among 200,000 files that are as they should be, and read next to nothing', async () => {
  for (const chore of [sweepFiles, readDueTexts]) {
    const { rowsRead } = await costOf((ctx) => chore({ ...ctx, now: new Date(2_000_000_000_000) }))
    expect(rowsRead).toBeLessThanOrEqual(4)
  }
})

test('a page of messages reads a few rows more for the files that they have', async () => {
  const conversation = await startConversation(ada)
  for (const n of countTo(20)) {
    await ada('POST', `/conversations/${conversation}/messages`, { content: `${n}`, reply: false })
  }
  const page = () => costOf((ctx) => listMessages(ctx, conversation, { limit: 20 }))
  const bare = await page()
  await env.DB.prepare(
    `INSERT INTO message_files SELECT m.id, n.value, printf('01000000-0000-7000-8000-%012d', 100 + n.value), 'name'
     FROM messages m, json_each('[1,2,3]') n WHERE m.conversation_id = ?`,
  )
    .bind(conversation)
    .run()
  const full = await page()
  expect(full.found.items.map(({ attachments }) => attachments.length)).toEqual(Array(20).fill(3))
  expect([bare.trips, full.trips]).toEqual([1, 1])
  // The link, the file, and their place in the list.
  expect(full.rowsRead - bare.rowsRead).toBeLessThanOrEqual(4 * 60)
  expect(bare.rowsRead).toBeLessThanOrEqual(5 * 20)
})
