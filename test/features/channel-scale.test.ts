import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CommandQueue } from '../../src/features/channels/command-queue.ts'
import { toEvent } from '../../src/features/channels/event-rows.ts'
import { listBanned } from '../../src/features/channels/service/bans.ts'
import { listChannels } from '../../src/features/channels/service/channels.ts'
import { listInvites } from '../../src/features/channels/service/invites.ts'
import { listMembers } from '../../src/features/channels/service/members.ts'
import { getMessage, listMessages, listReplies } from '../../src/features/channels/service/messages.ts'
import { listPins } from '../../src/features/channels/service/pins.ts'
import { listReactors } from '../../src/features/channels/service/reactions.ts'
import { listUnread, markRead } from '../../src/features/channels/service/reading.ts'
import { searchChannels } from '../../src/features/channels/service/search.ts'
import type { Ctx } from '../../src/http/context.ts'
import type { Command } from '../../src/lib/channel-commands.ts'
import { encodeCursor } from '../../src/lib/cursors.ts'
import { sendCommand } from '../../src/lib/send-command.ts'
import { signInMany } from '../support/channels.ts'
import { countTo, type SignedIn } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const ROWS = 100_000
const AT_ONCE = 20_000
const SMALL = 499
const idOf = (n: number) => `01000000-0000-7000-8000-${String(n).padStart(12, '0')}`
const ID = `printf('01000000-0000-7000-8000-%012d', i)`
/** All that there is is in this channel, and every message is a reply to this one, with all the reactions. */
const BIG = idOf(0)
const ROOT = idOf(0)

let ada: SignedIn
let bob: SignedIn
let eve: SignedIn

/** ?3 is ada, ?4 bob, who is in SMALL channels beside the big one, with 200 messages of ada's in each. */
const TABLES = [
  `INSERT INTO channels (id, kind, visibility, name, owner_id, last_seq, created_at)
   SELECT ${ID}, 'channel', 'public', 'Channel needle ' || i, ?3, ${ROWS}, i FROM n WHERE ?4 <> ''`,
  `INSERT INTO channel_members (channel_id, member_id, role, joined_at)
   SELECT '${BIG}', ${ID}, 'member', i FROM n WHERE ?3 <> ?4`,
  `INSERT INTO channel_events (channel_id, seq, type, message_id, created_at)
   SELECT '${BIG}', i + 1, 'message', ${ID}, i FROM n WHERE ?3 <> ?4`,
  `INSERT INTO channel_messages (id, channel_id, seq, author_id, nonce, send_hash, content, thread_id, pinned_at, created_at)
   SELECT ${ID}, '${BIG}', i + 1, iif(i % 50000 = 7, ?4, ?3), i, '', 'needle ' || i, iif(i > 0, '${ROOT}', NULL), iif(i >= 50 AND i < 100, i, NULL), i FROM n`,
  `INSERT INTO channel_mentions (channel_id, member_id, seq, message_id) SELECT '${BIG}', '*', i + 1, ${ID} FROM n WHERE ?3 <> ?4`,
  `INSERT INTO reactions (message_id, user_id, emoji, channel_id, created_at) SELECT '${ROOT}', ${ID}, ':ok:', '${BIG}', i FROM n WHERE ?3 <> ?4`,
  `INSERT INTO channel_bans (channel_id, user_id, created_by, created_at) SELECT '${BIG}', 'b' || i, ?3, i FROM n WHERE ?4 <> ''`,
  `INSERT INTO channel_invites (id, channel_id, code_hash, created_by, created_at) SELECT ${ID}, '${BIG}', i, ?3, i FROM n WHERE ?4 <> ''`,
  `INSERT INTO channel_messages (id, channel_id, seq, author_id, nonce, send_hash, content, created_at)
   SELECT printf('02000000-0000-7000-8000-%012d', i), printf('01000000-0000-7000-8000-%012d', 1 + i % ${SMALL}), 1 + i / ${SMALL}, ?3, i, '', 'straw', i
   FROM n WHERE i < 200 * ${SMALL} AND ?4 <> ''`,
]

beforeAll(async () => {
  ;[ada, bob, eve] = (await signInMany(3)) as [SignedIn, SignedIn, SignedIn]
  for (const insert of TABLES) {
    for (const part of countTo(ROWS / AT_ONCE)) {
      await env.DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2) ${insert}`,
      )
        .bind((part - 1) * AT_ONCE, part * AT_ONCE, ada.user.id, bob.user.id)
        .run()
    }
  }
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO channel_members (channel_id, member_id, role, joined_at)
       SELECT id, ?1, 'member', 1 FROM channels WHERE id <= ?2`,
    ).bind(bob.user.id, idOf(SMALL)),
    env.DB.prepare(
      "INSERT INTO channel_members (channel_id, member_id, role, joined_at) VALUES (?, ?, 'owner', 1)",
    ).bind(BIG, ada.user.id),
  ])
}, 300_000)

// The look for secrets in the database takes all of it into memory.
afterAll(async () => {
  const tables = [
    'reactions',
    'channel_mentions',
    'channel_bans',
    'channel_invites',
    'channel_events',
    'channel_members',
    'read_state',
  ]
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)))
  await env.DB.prepare('DELETE FROM channel_messages').run()
  await env.DB.prepare('DELETE FROM channels').run()
}, 120_000)

async function costOf<T>(call: (ctx: Ctx) => Promise<T>, user = ada) {
  const { ctx, meter } = ctxOf(user)
  const found = await call(ctx)
  return { found, trips: meter.trips, rowsRead: meter.rowsRead }
}

/** Rows of the channel as one sees it: itself, one's membership, one's marker, whether one is banned. */
const VIEW = 8
/** A message, its author and one's reactions to it, each with a row of an index. */
const MESSAGE = 6
const PAGE = 20

const HISTORY: [string, (ctx: Ctx) => Promise<{ items: unknown[] }>][] = [
  ['the newest messages', (ctx) => listMessages(ctx, BIG, { limit: PAGE })],
  ['old messages', (ctx) => listMessages(ctx, BIG, { limit: PAGE, before_seq: 50 })],
  ['messages after a number', (ctx) => listMessages(ctx, BIG, { limit: PAGE, after_seq: 50_000 })],
  ['messages around a number', (ctx) => listMessages(ctx, BIG, { limit: PAGE, around_seq: 50_000 })],
  ['replies', (ctx) => listReplies(ctx, BIG, ROOT, PAGE, 50_000)],
  ['members', (ctx) => listMembers(ctx, BIG, { limit: PAGE })],
  [
    'members far on',
    (ctx) =>
      listMembers(ctx, BIG, { limit: PAGE, cursor: encodeCursor({ list: `members:${BIG}`, key: [idOf(90_000)] }) }),
  ],
  ['who reacted', (ctx) => listReactors(ctx, BIG, ROOT, { emoji: ':ok:', limit: PAGE })],
  ['who is banned', (ctx) => listBanned(ctx, BIG, { limit: PAGE })],
  ['invitations', (ctx) => listInvites(ctx, BIG, { limit: PAGE })],
]

test.each(HISTORY)(
  'of a channel with 100,000 of everything a page of %s reads a bounded number of rows, in one trip',
  async (_, call) => {
    const { found, trips, rowsRead } = await costOf(call)
    expect([found.items.length, trips]).toEqual([PAGE, 1])
    expect(rowsRead).toBeLessThanOrEqual(3 * VIEW + MESSAGE * (PAGE + 1))
  },
)

test('one message, and the pins, are read without looking at the others', async () => {
  const message = await costOf((ctx) => getMessage(ctx, BIG, ROOT))
  expect([message.trips, message.found.message.id]).toEqual([1, ROOT])
  expect(message.rowsRead).toBeLessThanOrEqual(2 * VIEW + MESSAGE)
  const pins = await costOf((ctx) => listPins(ctx, BIG))
  expect([pins.trips, pins.found.items.length]).toEqual([1, 50])
  expect(pins.rowsRead).toBeLessThanOrEqual(2 * VIEW + MESSAGE * 50)
})

test.each([
  ['all', {}],
  ['public ones', { scope: 'public' }],
  ['one’s own', { scope: 'member' }],
  ['those of a name', { q: 'needle' }],
  ['those of a rare name', { q: 'needle 77' }],
] as const)('of 100,000 channels a page of %s reads a bounded number of rows, in one trip', async (_, asked) => {
  const { found, trips, rowsRead } = await costOf(
    (ctx) => listChannels(ctx, { scope: 'all', limit: PAGE, ...asked }),
    bob,
  )
  expect([found.items.length, trips]).toEqual([PAGE, 1])
  const own = 2 * 500 + VIEW * (('q' in asked ? 500 : PAGE) + 1)
  const open = VIEW * (PAGE + 1) + ('q' in asked ? 3 * 1_000 : 0)
  expect(rowsRead).toBeLessThanOrEqual(own + open)
})

test('what is unread in 500 channels is counted from a bounded number of rows, in one trip', async () => {
  const { found, trips, rowsRead } = await costOf(listUnread, bob)
  expect([found.length, trips]).toEqual([500, 1])
  expect(found.every(({ unread }) => unread === 100)).toBe(true)
  expect(found.find(({ channelId }) => channelId === BIG)).toMatchObject({ unread: 100, mentions: 100 })
  // Of each channel 200 messages, and of one as many mentions.
  expect(rowsRead).toBeLessThanOrEqual(500 * (2 * 200 + 10) + 5 * 200)
})

test('a marker is set without looking at what is unread beyond a hundred', async () => {
  const { trips, rowsRead, found } = await costOf((ctx) => markRead(ctx, BIG, 5), bob)
  expect([trips, found.unread]).toEqual([1, 100])
  expect(rowsRead).toBeLessThanOrEqual(2 * VIEW + 2 * 200 + 6 * 200)
})

test('a search looks at a bounded number of finds, and meets no other’s', async () => {
  const asked = { q: 'needle', limit: PAGE }
  const inOne = await costOf((ctx) => searchChannels(ctx, { ...asked, channel_id: BIG }))
  expect([inOne.found.items.length, inOne.trips]).toEqual([PAGE, 1])
  const own = await costOf((ctx) => searchChannels(ctx, asked), bob)
  expect([own.found.items.length, own.trips]).toEqual([PAGE, 2])
  const byAuthor = await costOf((ctx) => searchChannels(ctx, { ...asked, from: bob.user.id }), bob)
  expect(byAuthor.found.next).toBeDefined()
  for (const { rowsRead } of [inOne, own, byAuthor]) expect(rowsRead).toBeLessThanOrEqual(2 * 500 + 8 * 1_000)
  const [stranger] = await signInMany(1)
  const foreign = await costOf((ctx) => searchChannels(ctx, asked), stranger)
  expect(foreign.found.items).toEqual([])
  expect(foreign.rowsRead).toBeLessThanOrEqual(4)
})

test('a command in such a channel is one batch of a bounded number of rows', async () => {
  let batches = 0
  let rowsRead = 0
  let head = ROWS
  const d1 = {
    prepare: (query: string) => env.DB.prepare(query),
    batch: async (statements: D1PreparedStatement[]) => {
      batches += 1
      const results = await env.DB.batch(statements)
      rowsRead += results.reduce((sum, { meta }) => sum + meta.rows_read, 0)
      return results
    },
  } as unknown as D1Database
  const queue = new CommandQueue({
    channelId: BIG,
    d1,
    hasChatbots: () => false,
    after: () => head,
    committed: async (rows) => {
      head = rows.at(-1)?.seq ?? head
      return rows.map((row) => toEvent(BIG, row))
    },
    lost: () => {},
    log: () => {},
  })
  const about = () => ({ actor: ada.user.id, command_id: crypto.randomUUID() })
  const audit = () => ({ audit_id: crypto.randomUUID(), request_id: null })
  const says = { actor: ada.user.id, id: crypto.randomUUID(), nonce: 'x', threadId: ROOT, attachments: [] }
  const commands: Command[] = [
    await sendCommand({ ...says, content: `Hi @channel and @${bob.user.username}` }),
    { type: 'message.edit', message_id: idOf(1), content: 'Edited', names: [], ...about() },
    { type: 'reaction.add', message_id: ROOT, emoji: '👍', ...about() },
    { type: 'pin.remove', message_id: idOf(50), ...about() },
    { type: 'pin.add', message_id: idOf(1), ...about() },
    { type: 'message.delete', message_id: idOf(1), ...about() },
    { type: 'member.ban', target: eve.user.id, reason: null, ...about(), ...audit() },
    { type: 'member.unban', target: eve.user.id, ...about(), ...audit() },
    { type: 'member.update', target: bob.user.id, muted_until: 1, ...about() },
    { type: 'channel.update', changes: { description: 'Big' }, ...about() },
    { type: 'member.leave', ...about(), actor: bob.user.id },
    { type: 'member.join', ...about(), actor: bob.user.id },
    { type: 'channel.delete', ...about(), ...audit() },
  ]
  for (const command of commands) {
    ;[batches, rowsRead] = [0, 0]
    const outcome = await queue.do(command)
    expect([command.type, outcome.ok, batches]).toEqual([command.type, true, 1])
    // Joining counts one's 500 channels.
    expect([command.type, rowsRead]).toEqual([
      command.type,
      expect.toSatisfy((n: number) => n < (command.type === 'member.join' ? 4 * 500 + 100 : 300)),
    ])
  }
})
