import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { exportConversations } from '../../src/features/transfer/service/export.ts'
import { exportLines } from '../../src/features/transfer/wire.ts'
import { ndjson } from '../../src/http/ndjson.ts'
import { countTo, signIn } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'
import { addMessages, PER_CONVERSATION } from '../support/many-messages.ts'

const MANY = 200_000

test('an export of 200,000 messages has each once, and reads a bounded number of rows for a page', async () => {
  const bob = await signIn()
  await addMessages(bob, MANY)
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
