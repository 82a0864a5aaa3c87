import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FakeOpenAi, startFakeOpenAi } from '../support/fake-openai.ts'
import { newState } from '../support/migrated-state.ts'
import { everyAct } from './acts/index.ts'
import { Book } from './support/book.ts'
import { type Actor, gatherCrew } from './support/crew.ts'
import { afterKill, afterSettling, settle, sweep } from './support/round.ts'
import { type Server, startServer } from './support/server.ts'
import { withCopy, writeD1, writeObjects } from './support/state.ts'

// Rules that find nothing prove nothing: each is broken here by hand, and must find that.
const book = new Book()
let upstream: FakeOpenAi
let server: Server
let crew: Actor[]

beforeAll(async () => {
  upstream = await startFakeOpenAi()
  server = await startServer({ state: newState(), vars: { OPENAI_BASE_URL: upstream.url } })
  crew = await gatherCrew({ url: server.url, size: 2, seed: 1, book, upstream })
  await Promise.all(
    crew.map(async (actor) => {
      for (const act of everyAct) await act(actor)
    }),
  )
  expect(await settle(server, crew, new Map())).toEqual([])
  await sweep(server)
  expect(afterSettling(server.state, crew, book)).toEqual([])
  for (const { listener } of crew) listener.client.close()
  await server.stop()
})

afterAll(async () => {
  await upstream.close()
  rmSync(server.state, { recursive: true, force: true })
})

const one = (table: string, where = 'true') => `rowid = (SELECT rowid FROM ${table} WHERE ${where} LIMIT 1)`

/** What somebody does to the database, and the words of the rule that must find it. */
const SABOTAGE: [what: string, sql: string, rule: string][] = [
  ['a row of the ledger is gone', `DELETE FROM usage_ledger WHERE ${one('usage_ledger')}`, 'is in the ledger'],
  [
    'a run goes on for ever',
    `UPDATE runs SET status = 'in_progress' WHERE ${one('runs', "kind = 'gateway'")}`,
    'no run goes on',
  ],
  [
    'a reply goes on for ever',
    `UPDATE messages SET status = 'in_progress' WHERE ${one('messages', 'run_id IS NOT NULL')}`,
    'the status of its run',
  ],
  [
    'something is held for nobody',
    `INSERT INTO reservations (run_id, call, subject, period_start, messages, input_tokens, output_tokens, message_room, parallel_room)
      SELECT 'r', 1, subject, period_start, 1, 1, 16, 9, 9 FROM quota_periods LIMIT 1`,
    'only runs that go on hold',
  ],
  ['too much is held', 'UPDATE quota_periods SET tokens_held = 5', 'held is what is reserved'],
  [
    'a quota says more than the ledger',
    `UPDATE quota_periods SET tokens_used = tokens_used + 1 WHERE subject LIKE 'user:%'`,
    'what users have used',
  ],
  [
    'the quota of a key says more',
    `UPDATE quota_periods SET tokens_used = tokens_used + 1 WHERE subject LIKE 'key:%'`,
    'what keys have used',
  ],
  [
    'a day says more than the ledger',
    "UPDATE usage_days SET runs = runs + 1 WHERE dimension = 'model'",
    'the sums of days',
  ],
  [
    'a counter is wrong',
    "UPDATE counters SET value = value + 1 WHERE name = 'messages' AND day = 0",
    'what is counted is there',
  ],
  ['storage is counted twice', 'UPDATE storage_use SET bytes = bytes * 2 + 1', 'storage is what files take'],
  ['a channel has a gap', 'DELETE FROM channel_events WHERE seq = 3', 'no gap and no repeat'],
  [
    'a message of a channel has no event',
    "UPDATE channel_events SET type = 'other' WHERE type = 'message'",
    'an event of the same number',
  ],
  [
    'a reaction is not counted',
    'UPDATE channel_messages SET reaction_counts = \'{"x":7}\' WHERE deleted_at IS NULL',
    'reactions are counted',
  ],
  ['a reply is not counted', 'UPDATE channel_messages SET reply_count = reply_count + 1', 'replies are counted'],
  [
    'a chatbot did not answer',
    "UPDATE channel_messages SET nonce = 'x' || rowid WHERE author_kind = 'chatbot'",
    'a chatbot that was called',
  ],
  [
    'a conversation ends nowhere',
    "UPDATE conversations SET head_id = 'x' WHERE head_id IS NOT NULL",
    'ends in a message of its own',
  ],
  ['a message hangs in the air', 'UPDATE messages SET depth = depth + 1', 'messages are a tree'],
  [
    'a message belongs to no conversation',
    `PRAGMA foreign_keys = OFF; UPDATE messages SET conversation_id = 'x' WHERE ${one('messages')}`,
    '"table":"messages"',
  ],
  ['a file is half there', `UPDATE files SET sweep_at = 1 WHERE ${one('files')}`, 'no file is half there'],
  ['a row of a file is gone', `PRAGMA foreign_keys = OFF; DELETE FROM files WHERE ${one('files')}`, 'has no row'],
  ['what somebody said is gone', "UPDATE channel_messages SET content = 'x'", 'acknowledged: said'],
  [
    'a stored question is another one',
    "UPDATE messages SET content = 'x' WHERE role = 'user'",
    'acknowledged: question',
  ],
  [
    'a listener heard something else',
    "UPDATE channel_events SET type = 'pin.added' WHERE type = 'reaction.added' OR type = 'message'",
    'a listener heard',
  ],
]

test.each(SABOTAGE)('that %s is found', async (_, sql, rule) => {
  const breaches = withCopy(server.state, (copy) => {
    writeD1(copy, sql)
    return [...afterKill(copy, book), ...afterSettling(copy, crew, book)]
  })
  expect(breaches.join('\n')).toContain(rule)
})

test('that an object of R2 is gone, and that a run is not settled in its object, is found', () => {
  const breaches = withCopy(server.state, (copy) => {
    writeObjects(copy, 'r2', 'PRAGMA foreign_keys = OFF; DELETE FROM _mf_objects')
    writeObjects(copy, 'do/parley-Runner', "UPDATE run SET state = 'ended'")
    return afterSettling(copy, crew, book).join('\n')
  })
  expect(breaches).toContain('has no object')
  expect(breaches).toContain('not settled in their objects')
})
