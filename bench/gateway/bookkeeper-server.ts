import { serveBareWorker } from '../bare-worker.ts'

// node bench/gateway/bookkeeper-server.ts UPSTREAM: the pass-through with the least that a gateway with an exact quota in D1 can
// do: one batch that reserves and writes the run before it asks, and one behind the answer that settles. Tables without an
// index of their own, SQL as text, no key, no check of anything. Prints where it listens.
const [upstream] = process.argv.slice(2) as [string]
const WORKER = `
const TABLES = [
  'CREATE TABLE periods (subject TEXT PRIMARY KEY, used INTEGER DEFAULT 0, held INTEGER DEFAULT 0)',
  'CREATE TABLE reservations (run TEXT PRIMARY KEY, subject TEXT, tokens INTEGER CHECK (tokens > 16))',
  'CREATE TABLE runs (id TEXT PRIMARY KEY, subject TEXT, status TEXT, context TEXT, usage TEXT, begun INTEGER, ended INTEGER)',
  'CREATE TABLE ledger (run TEXT PRIMARY KEY, subject TEXT, tokens INTEGER, ended INTEGER)',
]
const RESERVE = [
  ['INSERT INTO periods (subject) VALUES (?) ON CONFLICT DO NOTHING', ({ subject }) => [subject]],
  ['INSERT INTO reservations SELECT ?, subject, min(?, 1000000000000 - used - held) FROM periods WHERE subject = ?', ({ id, subject }) => [id, 1024, subject]],
  ['UPDATE periods SET held = held + (SELECT tokens FROM reservations WHERE run = ?) WHERE subject = ?', ({ id, subject }) => [id, subject]],
  ['INSERT INTO runs VALUES (?, ?, ?, ?, NULL, ?, NULL)', ({ id, subject }) => [id, subject, 'in_progress', '{"sent":1}', Date.now()]],
  ['SELECT used, held FROM periods WHERE subject = ?', ({ subject }) => [subject]],
]
const SETTLE = [
  ['INSERT INTO ledger SELECT run, subject, min(?, tokens), ? FROM reservations WHERE run = ?', ({ id }) => [40, Date.now(), id]],
  ['UPDATE periods SET used = used + ?, held = held - (SELECT tokens FROM reservations WHERE run = ?) WHERE subject = ?', ({ id, subject }) => [40, id, subject]],
  ['DELETE FROM reservations WHERE run = ?', ({ id }) => [id]],
  ['UPDATE runs SET status = ?, usage = ?, ended = ? WHERE id = ? AND status = ? RETURNING id', ({ id }) => ['completed', '{"total_tokens":40}', Date.now(), id, 'in_progress']],
]
let made
const send = (db, statements, run) => db.batch(statements.map(([sql, of]) => db.prepare(sql).bind(...of(run))))
export default {
  async fetch({ method, headers, body }, { UPSTREAM, DB }, ctx) {
    await (made ??= DB.batch(TABLES.map((sql) => DB.prepare(sql))))
    const run = { id: crypto.randomUUID(), subject: 'user' }
    await send(DB, RESERVE, run)
    const answer = await fetch(UPSTREAM + '/chat/completions', { method, headers: { 'content-type': headers.get('content-type') }, body })
    const { readable, writable } = new TransformStream()
    ctx.waitUntil(answer.body.pipeTo(writable).finally(() => send(DB, SETTLE, run)))
    return new Response(readable, answer)
  },
}`

await serveBareWorker('bookkeeper', WORKER, { bindings: { UPSTREAM: upstream }, d1Databases: ['DB'] })
