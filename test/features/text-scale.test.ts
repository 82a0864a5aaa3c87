import { env } from 'cloudflare:workers'
import { beforeAll, expect, test } from 'vitest'
import { search } from '../../src/features/search/service.ts'
import { exportLines } from '../../src/features/transfer/schemas/export.ts'
import { exportConversations } from '../../src/features/transfer/service/export.ts'
import { ndjson } from '../../src/http/ndjson.ts'
import { encodeCursor } from '../../src/lib/cursors.ts'
import { countTo, type SignedIn, signIn } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const MANY = 200_000
const AT_ONCE = 20_000
const PER_CONVERSATION = 2_000

let ada: SignedIn
let bob: SignedIn

/** `n` short messages of a user. One in a thousand is rare; all have words that everybody's have. */
async function addMessages({ user }: SignedIn, n: number): Promise<void> {
  const prefix = crypto.randomUUID().slice(0, 8)
  await env.DB.prepare(
    `INSERT INTO conversations (id, user_id, title, created_at, updated_at)
     SELECT printf(?1 || '-0000-7000-8000-%012d', value), ?2, 'The title of ' || value, 1e9, 1e9 FROM json_each(?3)`,
  )
    .bind(prefix, user.id, JSON.stringify(countTo(Math.ceil(n / PER_CONVERSATION))))
    .run()
  for (let from = 0; from < n; from += AT_ONCE) {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO messages (id, conversation_id, depth, role, content, status, tokens, created_at, updated_at)
       SELECT printf(?3 || '-0001-7000-8000-%012d', i), printf(?3 || '-0000-7000-8000-%012d', i / ${PER_CONVERSATION} + 1), 1, 'user',
         'the quick fox and number ' || i || iif(i % 1000 = 0, ' rare', ''), 'completed', 5, 1e9, 1e9 FROM n`,
    )
      .bind(from, Math.min(from + AT_ONCE, n), prefix)
      .run()
  }
}

beforeAll(async () => {
  ada = await signIn()
  bob = await signIn()
  await addMessages(ada, 1_000)
  await addMessages(bob, MANY)
}, 300_000)

/** A query, and how many its first page has for somebody with few messages, and with many. */
const QUERIES: [string, number, number][] = [
  ['the', 20, 20],
  ['quick fox and number', 20, 20],
  ['rare', 1, 20],
  ['the rare', 1, 20],
  ['title', 1, 20],
  ['the fox zebra', 0, 0],
  ['nothing', 0, 0],
]

test.each(QUERIES)(
  'of 200,000 messages a search for "%s" reads the newest of one’s own that fit',
  async (q, few, many) => {
    for (const [user, count] of [
      [ada, few],
      [bob, many],
    ] as const) {
      const { ctx, meter } = ctxOf(user)
      const { items, next } = await search(ctx, { q, limit: 20 })
      expect([items.length, meter.trips]).toEqual([count, 1])
      // At most 300 are ranked; each is a row of the index, of the table and of its conversation, and is sorted.
      expect(meter.rowsRead).toBeLessThanOrEqual(count === 0 ? 10 : 10 * 300)
      if (!next) continue
      const after = ctxOf(user)
      await search(after.ctx, { q, limit: 20, cursor: encodeCursor(next) })
      expect([after.meter.trips, after.meter.rowsRead <= 10 * 300]).toEqual([1, true])
    }
  },
)

test('an export of 200,000 messages has each once, and reads a bounded number of rows for a page', async () => {
  const { ctx, meter } = ctxOf(bob)
  const ids = new Set<string>()
  let lines = 0
  for await (const { row } of await exportConversations(ctx)) {
    lines += 1
    ids.add(row.id)
  }
  expect([lines, ids.size]).toEqual([MANY + MANY / PER_CONVERSATION, lines])
  expect(meter.trips).toBeLessThanOrEqual(210)
  expect(meter.rowsRead / meter.trips).toBeLessThanOrEqual(10 * 1_000)
}, 100_000)

test('an export of 100 MB is read by pages of a megabyte, as fast as it is taken', async () => {
  const eve = await signIn()
  const [{ ctx, meter }, id, parts] = [ctxOf(eve), crypto.randomUUID(), 10]
  await env.DB.prepare('INSERT INTO conversations (id, user_id, created_at, updated_at) VALUES (?, ?, 1e9, 1e9)')
    .bind(id, eve.user.id)
    .run()
  for (const part of countTo(parts)) {
    await env.DB.prepare(
      `INSERT INTO messages (id, conversation_id, depth, role, content, status, tokens, created_at, updated_at)
       SELECT ?1 || (value + ?2 * 1000), ?1, value, 'user', replace(hex(zeroblob(25000)), '00', 'abcd'), 'completed', 5, 1e9, 1e9
       FROM json_each(?3)`,
    )
      .bind(id, part, JSON.stringify(countTo(100)))
      .run()
  }
  const lines = exportLines(await exportConversations(ctx), ctx.now)
  const stream = ndjson({ filename: 'all', ...lines, failed: () => {} }).body!
  let [bytes, largest, ahead] = [0, 0, 0]
  let last = ''
  for await (const chunk of stream) {
    bytes += chunk.byteLength
    largest = Math.max(largest, chunk.byteLength)
    last = new TextDecoder().decode(chunk.slice(-200))
    ahead = Math.max(ahead, meter.trips - bytes / 1_000_000)
  }
  expect(bytes).toBeGreaterThan(100_000_000)
  expect(last).toContain('"end","counts":{"projects":0,"conversations":1,"messages":1000}')
  // A chunk is at most 64 KiB and a line; of pages no more were read than were sent, but for the first few trips.
  expect(largest).toBeLessThan(64 * 1024 + 101_000)
  expect(ahead).toBeLessThan(6)
  expect(meter.trips).toBeLessThan(110)
}, 100_000)
