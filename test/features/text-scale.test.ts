import { beforeAll, expect, test } from 'vitest'
import { search } from '../../src/features/search/service.ts'
import { encodeCursor } from '../../src/lib/cursors.ts'
import { type SignedIn, signIn } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'
import { addMessages } from '../support/many-messages.ts'

const MANY = 200_000

let ada: SignedIn
let bob: SignedIn

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
