import { type Call, callKey } from '../../lib/channel-commands.ts'
import type { RunRef } from './job.ts'

/** `waiting` for its turn, `running`, `over`: the channel is to be told what came of it, `told`. */
type State = 'waiting' | 'running' | 'over' | 'told'

/** A message that the chatbot was called by. `code` says why there is no answer; null when there is one, or may be yet. */
export type Entry = { call: Call; state: State; runId: string | null; code: string | null; since: number }

type Row = { call: string; state: State; run_id: string | null; code: string | null; since: number }

/** So many wait behind the one whose turn it is. */
const MAX_WAITING = 5

/** What the Runner of a chatbot in a channel keeps in its SQLite: by what it was called, and what came of that. */
export class CallBook {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(`CREATE TABLE IF NOT EXISTS call (trigger_key TEXT PRIMARY KEY, seq INTEGER NOT NULL, call TEXT NOT NULL,
      state TEXT NOT NULL, run_id TEXT, code TEXT, since INTEGER NOT NULL) WITHOUT ROWID`)
  }

  /** Puts a call in line, once. What is more than may wait is over. */
  add(call: Call, now: number): void {
    const undone = this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM call WHERE state IN ('waiting', 'running')")
    const isFull = undone.one().n > MAX_WAITING
    this.#sql.exec(
      'INSERT OR IGNORE INTO call VALUES (?, ?, ?, ?, NULL, ?, ?)',
      callKey(call),
      call.seq,
      JSON.stringify(call),
      isFull ? 'over' : 'waiting',
      isFull ? 'rate_limit_exceeded' : null,
      now,
    )
  }

  /** What is to be done: first whatever is to be told, then, when none is running, the next one. */
  next(): Entry | undefined {
    const [row] = this.#sql
      .exec<Row>(
        `SELECT * FROM call WHERE state = 'over' OR (state = 'waiting' AND NOT EXISTS (SELECT 1 FROM call WHERE state = 'running'))
         ORDER BY state = 'waiting', seq LIMIT 1`,
      )
      .toArray()
    return row && { call: JSON.parse(row.call), state: row.state, runId: row.run_id, code: row.code, since: row.since }
  }

  run({ call }: Entry, runId: string): void {
    this.#sql.exec("UPDATE call SET state = 'running', run_id = ? WHERE trigger_key = ?", runId, callKey(call))
  }

  /** It is known what came of one that waited; with a `code` there is no answer. */
  finish({ call }: Entry, runId: string | null, code: string | null): void {
    const over = "UPDATE call SET state = 'over', run_id = ?, code = ? WHERE trigger_key = ? AND state = 'waiting'"
    this.#sql.exec(over, runId, code, callKey(call))
  }

  /** Its run has ended; with a `code` without an answer. */
  ended({ id, triggerKey }: RunRef, code: string | null): void {
    this.#sql.exec(
      "UPDATE call SET state = 'over', run_id = ?, code = ? WHERE trigger_key = ? AND state IN ('waiting', 'running')",
      id,
      code,
      triggerKey ?? null,
    )
  }

  told({ call }: Entry): void {
    this.#sql.exec("UPDATE call SET state = 'told' WHERE trigger_key = ?", callKey(call))
  }

  /** Forgets what was told of calls that came before this moment, in milliseconds. */
  forget(before: number): void {
    this.#sql.exec("DELETE FROM call WHERE state = 'told' AND since < ?", before)
  }
}
