import { env } from 'cloudflare:workers'
import { eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { type DbMeter, openDb } from '../../src/db/client.ts'
import { constraintOf, isStoreFailure, isTransient } from '../../src/db/failures.ts'
import { mustHold, unmetPrecondition } from '../../src/db/preconditions.ts'
import { type Given, prepared } from '../../src/db/prepared.ts'
import { conversations, users } from '../../src/db/schema/index.ts'
import { listConversations } from '../../src/features/conversations/service/read.ts'
import { listMessages } from '../../src/features/messages/service/read.ts'
import { admit } from '../../src/features/runs/admission.ts'
import type { Ctx } from '../../src/http/context.ts'
import { describeError } from '../../src/http/log.ts'
import { countTo, one, type SignedIn, signIn, startConversation } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

/** What one call of a service costs in D1. */
async function costOf(user: SignedIn, call: (ctx: Ctx) => Promise<unknown>): Promise<DbMeter> {
  const { ctx, meter } = ctxOf(user)
  await call(ctx)
  return meter
}

const uuid = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
let made = 0

const question = {
  onConflict: 'reject' as const,
  internetEnabled: false,
  cancelOnDisconnect: false,
  refuseTruncation: false,
  idempotency: undefined,
}

async function addConversations(user: SignedIn, n: number): Promise<void> {
  const ids = countTo(n).map(() => uuid(++made))
  await env.DB.prepare(
    'INSERT INTO conversations (id, user_id, created_at, updated_at) SELECT value, ?1, key, key FROM json_each(?2)',
  )
    .bind(user.user.id, JSON.stringify(ids))
    .run()
}

/** A conversation with one branch of `n` messages. */
async function longConversation(user: SignedIn, n: number): Promise<string> {
  const conversation = await startConversation(user)
  const ids = countTo(n).map(() => uuid(++made))
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO messages (id, conversation_id, parent_id, depth, role, content, status, tokens, created_at, updated_at)
       SELECT value, ?1, lag(value) OVER (ORDER BY key), key + 1, iif(key % 2, 'assistant', 'user'), 'Hi', 'completed', 5, key, key
       FROM json_each(?2)`,
    ).bind(conversation, JSON.stringify(ids)),
    env.DB.prepare('UPDATE conversations SET head_id = ?1 WHERE id = ?2').bind(ids.at(-1), conversation),
  ])
  return conversation
}

test('a page of conversations costs one trip and as many rows, however many there are', async () => {
  const ada = await signIn()
  const page = (ctx: Ctx) => listConversations(ctx, { limit: 20 })
  await addConversations(ada, 50)
  const few = await costOf(ada, page)
  await addConversations(ada, 2_000)
  const many = await costOf(ada, page)
  expect([few.trips, many.trips]).toEqual([1, 1])
  expect(many.rowsRead).toBe(few.rowsRead)
  expect(many.rowsRead).toBeLessThanOrEqual(4 * 20)
})

test('a page of messages costs one trip and as many rows, however long the conversation is', async () => {
  const ada = await signIn()
  const [short, long] = [await longConversation(ada, 50), await longConversation(ada, 1_000)]
  const few = await costOf(ada, (ctx) => listMessages(ctx, short, { limit: 20 }))
  const many = await costOf(ada, (ctx) => listMessages(ctx, long, { limit: 20 }))
  expect([few.trips, many.trips]).toEqual([1, 1])
  expect(many.rowsRead).toBe(few.rowsRead)
  expect(many.rowsRead).toBeLessThanOrEqual(4 * 20)
})

test('asking for a reply costs two trips and as many rows, however long the conversation is', async () => {
  const ask = async (length: number) => {
    // A user each: replies that are being written hold a reservation, which is read.
    const ada = await signIn()
    const conversationId = await longConversation(ada, length)
    return costOf(ada, (ctx) =>
      admit(ctx, { ...question, prompt: { content: 'And now?', files: [], at: { conversationId } } }),
    )
  }
  // The first of a day begins its counters.
  await ask(1)
  const [few, many] = [await ask(200), await ask(10_000)]
  expect([few.trips, many.trips]).toEqual([2, 2])
  expect(many.rowsRead).toBe(few.rowsRead)
})

test('a precondition that does not hold undoes the batch, and says which it was', async () => {
  const { ctx } = ctxOf(await signIn())
  const id = uuid(++made)
  const insert = ctx.db
    .insert(conversations)
    .values({ id, userId: ctx.user.id, createdAt: ctx.now, updatedAt: ctx.now })
  const error = await ctx.db.batch([insert, mustHold(ctx.db, 'pigs_fly', sql`1 = ${2}`)]).catch((thrown) => thrown)
  expect(unmetPrecondition(error)).toBe('pigs_fly')
  expect(await one('SELECT 1 FROM conversations WHERE id = ?', id)).toBe(null)
  await ctx.db.batch([mustHold(ctx.db, 'pigs_fly', sql`1 = ${1}`), insert])
  expect(await one('SELECT 1 FROM conversations WHERE id = ?', id)).not.toBe(null)
})

test('a broken constraint is named, and what was to be stored gets into no log', async () => {
  const ada = await signIn()
  const { ctx } = ctxOf(ada)
  const secret = `secret-${crypto.randomUUID()}`
  const row = {
    id: uuid(++made),
    email: ada.user.email,
    displayName: 'x',
    passwordHash: secret,
    createdAt: ctx.now,
    updatedAt: ctx.now,
  }
  const insert = () => ctx.db.insert(users).values(row)
  for (const attempt of [() => insert(), () => ctx.db.batch([insert()])]) {
    const error = await attempt().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(constraintOf(error)).toBe('users.email')
    expect(JSON.stringify(describeError(error))).not.toContain(secret)
  }
  const orphan = ctx.db
    .insert(conversations)
    .values({ id: uuid(++made), userId: 'nobody', createdAt: ctx.now, updatedAt: ctx.now })
  expect(
    constraintOf(
      await orphan.then(
        () => undefined,
        (thrown: unknown) => thrown,
      ),
    ),
  ).toBe('foreign_key')
})

test('what a message says cannot pass for a frame of its stack', () => {
  const error = new Error('Failed query: insert\nparams: x\n   at SECRET-TITLE of my diary\n    at secret (a.ts:1:2)')
  expect(describeError(error).at).toMatch(/db\.test\.ts:\d+:\d+/)
  expect(JSON.stringify(describeError(error))).not.toMatch(/secret/i)
})

/** D1 whose answers to the first `times` batches are lost, after or before it has done them. */
function losing(times: number, after: boolean) {
  let calls = 0
  const batch = async (statements: D1PreparedStatement[]) => {
    const isLost = ++calls <= times
    const results = isLost && !after ? undefined : await env.DB.batch(statements)
    if (isLost) throw new Error('D1_ERROR: Network connection lost.')
    return results!
  }
  const d1 = { prepare: (query: string) => env.DB.prepare(query), batch } as unknown as D1Database
  return { d1, calls: () => calls }
}

test('a read whose answer was lost is sent once more, a write is not', async () => {
  const ada = await signIn()
  const read = losing(1, false)
  expect(await openDb(read.d1).select().from(users).where(eq(users.id, ada.user.id))).toHaveLength(1)
  expect(read.calls()).toBe(2)
  const write = losing(1, false)
  const change = openDb(write.d1).update(users).set({ displayName: 'x' }).where(eq(users.id, ada.user.id))
  const error = await change.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect([write.calls(), isTransient(error), isStoreFailure(error)]).toEqual([1, true, true])
  const down = losing(9, false)
  await expect(openDb(down.d1).select().from(users)).rejects.toThrow()
  expect(down.calls()).toBe(2)
})

test.for([true, false])(
  'a reply is admitted once when the answer to the write is lost, committed: %s',
  async (after) => {
    const ada = await signIn()
    const conversationId = await startConversation(ada)
    const { ctx } = ctxOf(ada)
    const { d1 } = losing(1, after)
    // The read goes to the store as it is; only the write meets the fault.
    const real = ctx.db.batch.bind(ctx.db)
    const faulty = openDb(d1)
    let batches = 0
    const batch = (statements: Parameters<typeof real>[0]) =>
      ++batches === 1 ? real(statements) : faulty.batch(statements)
    const db = new Proxy(faulty, { get: (target, name) => (name === 'batch' ? batch : Reflect.get(target, name)) })
    const admission = await admit(
      { ...ctx, db },
      { ...question, prompt: { content: 'And now?', files: [], at: { conversationId } } },
    )
    expect(admission).toMatchObject({ job: { run: { conversationId } } })
    const { n } = (await one<{ n: number }>(
      'SELECT count(*) AS n FROM messages WHERE conversation_id = ?',
      conversationId,
    ))!
    expect(n).toBe(2)
  },
)

/** The titles of a user's conversations, all or one; counts how often the list is put together. */
function titlesOf() {
  let built = 0
  const titles = prepared(
    (
      db,
      given: Given<{ userId: string; title: string; rows: number }>,
      { isOne, isLatest }: Record<string, boolean>,
    ) => {
      built++
      return db
        .select({ title: conversations.title, at: conversations.createdAt })
        .from(conversations)
        .where(sql`user_id = ${given('userId')} ${isOne ? sql`AND title = ${given('title')}` : sql``}`)
        .orderBy(isLatest ? sql`id DESC` : sql`id`)
        .limit(given('rows'))
    },
  )
  return { titles, built: () => built }
}

test('a prepared list is put together once for each form, and takes the values of each request', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  for (const title of ['One', 'Two', 'Three']) await ada('POST', '/conversations', { title })
  await bob('POST', '/conversations', { title: 'One' })
  const { titles, built } = titlesOf()
  const list = async (user: SignedIn, form: Record<string, boolean>, title = '') => {
    const rows = await titles(ctxOf(user).ctx.db, { userId: user.user.id, title, rows: 9 }, form)
    expect(rows.every(({ at }) => at instanceof Date)).toBe(true)
    return rows.map((row) => row.title)
  }
  expect(await list(ada, { isOne: false, isLatest: false })).toEqual(['One', 'Two', 'Three'])
  expect(await list(bob, { isOne: false, isLatest: false })).toEqual(['One'])
  expect(built()).toBe(1)
  expect(await list(ada, { isOne: true, isLatest: false }, 'Two')).toEqual(['Two'])
  expect(await list(ada, { isOne: true, isLatest: false }, 'None')).toEqual([])
  expect(built()).toBe(2)
  // A form is what it says, in whichever order.
  expect(await list(ada, { isLatest: true, isOne: false })).toEqual(['Three', 'Two', 'One'])
  expect(await list(ada, { isLatest: false, isOne: true }, 'One')).toEqual(['One'])
})

test('a prepared list goes in a batch with others, and not without its values', async () => {
  const ada = await signIn()
  await ada('POST', '/conversations', { title: 'One' })
  const { titles } = titlesOf()
  const { ctx, meter } = ctxOf(ada)
  const values = { userId: ada.user.id, title: '', rows: 9 }
  const [me, mine] = await ctx.db.batch([
    ctx.db.select().from(users).where(eq(users.id, ada.user.id)),
    titles(ctx.db, values, { isOne: false }),
  ])
  expect([me.length, mine.map(({ title }) => title), meter.trips]).toEqual([1, ['One'], 1])
  const { title: _, ...lacking } = values
  // @ts-expect-error: a value is missing
  expect(() => titles(ctx.db, lacking, { isOne: true })).toThrow('"title"')
  const unknown = { ...values, title: undefined as unknown as string }
  expect(() => titles(ctx.db, unknown, { isOne: true })).toThrow('missing')
})

test('rows with objects in them are none of a prepared list', () => {
  const nested = prepared((db, given: Given<{ id: string }>, _: Record<never, never>) =>
    db
      .select({ user: { id: users.id } })
      .from(users)
      .where(sql`id = ${given('id')}`),
  )
  expect(() => nested(openDb(env.DB), { id: 'x' }, {})).toThrow('plain rows')
})
