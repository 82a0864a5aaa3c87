import { type Call, callKey } from '../../lib/channel-commands.ts'
import type { RunRef } from './job.ts'

/** `waiting` for its turn, `running`, `over`: the channel is to be told what came of it, `told`. */
type State = 'waiting' | 'running' | 'over' | 'told'

/**
 * A message that the chatbot was called by. `code` says why there is no answer; null when there is one, or may be yet. `triedAt` is when
 * what is next was first tried, and `tries` how often it was; null and 0 before that.
 */
export type Entry = {
  call: Call
  state: State
  runId: string | null
  code: string | null
  triedAt: number | null
  tries: number
}

type Row = {
  call: string
  state: State
  run_id: string | null
  code: string | null
  tried_at: number | null
  tries: number
}

/** So many wait behind the one whose turn it is. */
const MAX_WAITING = 5
/** Until what failed is tried again, doubling. */
const PAUSE_MS = { first: 1_000, most: 30_000 }

/** As it is written in the index: what is told stays for a day, and is not looked through. */
const UNDONE = "state <> 'told'"
/** Whatever is to be told, and, when none is running, the first that waits. */
const NEXT = `${UNDONE} AND (state = 'over' OR (state = 'waiting'
  AND NOT EXISTS (SELECT 1 FROM call WHERE ${UNDONE} AND state = 'running')
  AND seq = (SELECT min(seq) FROM call WHERE ${UNDONE} AND state = 'waiting')))`
/** What comes next was not tried yet. */
const ANEW = 'tried_at = NULL, tries = 0, due_at = 0'

/** What the Runner of a chatbot in a channel keeps in its SQLite: by what it was called, and what came of that. Times are milliseconds. */
export class CallBook {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(`CREATE TABLE IF NOT EXISTS call (trigger_key TEXT PRIMARY KEY, seq INTEGER NOT NULL, call TEXT NOT NULL,
      state TEXT NOT NULL, run_id TEXT, code TEXT, since INTEGER NOT NULL, tried_at INTEGER, tries INTEGER NOT NULL DEFAULT 0,
      due_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS call_undone ON call (state, seq) WHERE ${UNDONE}`)
  }

  /** Puts a call in line, once. What is more than may wait is over. */
  add(call: Call, now: number): void {
    const undone = `SELECT count(*) AS n FROM call WHERE ${UNDONE} AND state IN ('waiting', 'running')`
    const isFull = this.#sql.exec<{ n: number }>(undone).one().n > MAX_WAITING
    this.#sql.exec(
      'INSERT OR IGNORE INTO call (trigger_key, seq, call, state, code, since) VALUES (?, ?, ?, ?, ?, ?)',
      callKey(call),
      call.seq,
      JSON.stringify(call),
      isFull ? 'over' : 'waiting',
      isFull ? 'rate_limit_exceeded' : null,
      now,
    )
  }

  /** What is to be done now: first whatever is to be told, then, when none is running, the one whose turn it is. */
  next(now: number): Entry | undefined {
    const [row] = this.#sql
      .exec<Row>(`SELECT * FROM call WHERE ${NEXT} AND due_at <= ? ORDER BY state = 'waiting', seq LIMIT 1`, now)
      .toArray()
    if (!row) return undefined
    const { call, state, run_id, code, tried_at, tries } = row
    return { call: JSON.parse(call), state, runId: run_id, code, triedAt: tried_at, tries }
  }

  /** When there is something to be done; `undefined` when nothing is. */
  dueAt(): number | undefined {
    const { at } = this.#sql.exec<{ at: number | null }>(`SELECT min(due_at) AS at FROM call WHERE ${NEXT}`).one()
    return at ?? undefined
  }

  /** What is next could not be done. */
  postpone({ call, state }: Entry, now: number): void {
    this.#sql.exec(
      `UPDATE call SET tried_at = coalesce(tried_at, ?1), tries = tries + 1,
         due_at = ?1 + min(${PAUSE_MS.most}, ${PAUSE_MS.first} << min(tries, 10)) WHERE trigger_key = ?2 AND state = ?3`,
      now,
      callKey(call),
      state,
    )
  }

  run({ call }: Entry, runId: string): void {
    this.#sql.exec("UPDATE call SET state = 'running', run_id = ? WHERE trigger_key = ?", runId, callKey(call))
  }

  /** It is known what came of one that waited; with a `code` there is no answer. */
  finish({ call }: Entry, runId: string | null, code: string | null): void {
    const over = `UPDATE call SET state = 'over', run_id = ?, code = ?, ${ANEW} WHERE trigger_key = ? AND state = 'waiting'`
    this.#sql.exec(over, runId, code, callKey(call))
  }

  /** Its run has ended; with a `code` without an answer. */
  ended({ id, triggerKey }: RunRef, code: string | null): void {
    this.#sql.exec(
      `UPDATE call SET state = 'over', run_id = ?, code = ?, ${ANEW} WHERE trigger_key = ? AND state IN ('waiting', 'running')`,
      id,
      code,
      triggerKey ?? null,
    )
  }

  /** There is an answer, which the channel does not take. */
  refused({ call }: Entry, code: string): void {
    this.#sql.exec("UPDATE call SET code = ? WHERE trigger_key = ? AND state = 'over'", code, callKey(call))
  }

  told({ call }: Entry): void {
    this.#sql.exec("UPDATE call SET state = 'told' WHERE trigger_key = ?", callKey(call))
  }

  /** Forgets what was told of calls that came before this moment. */
  forget(before: number): void {
    this.#sql.exec("DELETE FROM call WHERE state = 'told' AND since < ?", before)
  }
}
