import { toLine } from '../../lib/run-encodings.ts'
import type { NewRunEvent, RunEvent } from '../../lib/run-events.ts'
import { mergeSources } from '../../lib/sources.ts'
import { isTerminal } from '../../lib/terminal-events.ts'
import { utf8Length } from '../../lib/token-estimate.ts'
import type { Outcome, RunRef } from './job.ts'
import type { Generated } from './result.ts'

/** `active`: being generated. `ended`: the outcome is known here, not yet in D1. `settled`: D1 has it. */
type State = 'active' | 'ended' | 'settled'

/** A run without a row in D1 that says how it ended; `outcome` is there once that is known. */
export type Unsettled = { ref: RunRef; outcome: Outcome | undefined }

type Row = { id: string; epoch: string; state: State; ref: string; outcome: string | null; ended_at: number | null }

/** About so many characters are given to a watcher at once; what follows waits for it in SQLite, not in memory. */
const READ_LENGTH = 65_536

/** Until a row has so many characters the next events are added to it: a row that is written is billed, and so is one that is deleted. */
const ROW_LENGTH = 4_096

/** What a Runner keeps in its SQLite: its runs, and the numbered events of each as lines of JSON. */
export class EventLog {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(`
      CREATE TABLE IF NOT EXISTS run (id TEXT PRIMARY KEY, epoch TEXT NOT NULL, state TEXT NOT NULL, ref TEXT NOT NULL,
        outcome TEXT, ended_at INTEGER) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS log (run_id TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
        events TEXT NOT NULL, PRIMARY KEY (run_id, first_seq)) WITHOUT ROWID;`)
  }

  /** False when the run is known already: starting twice starts once. */
  begin(ref: RunRef, epoch: string): boolean {
    const { rowsWritten } = this.#sql.exec(
      "INSERT OR IGNORE INTO run (id, epoch, state, ref) VALUES (?, ?, 'active', ?)",
      ref.id,
      epoch,
      JSON.stringify(ref),
    )
    return rowsWritten > 0
  }

  /** Keeps what has become of it since: what it reserved, say. */
  update(ref: RunRef): void {
    this.#sql.exec('UPDATE run SET ref = ? WHERE id = ?', JSON.stringify(ref), ref.id)
  }

  /** Whether it was begun here, and how far it is. */
  state(runId: string): State | undefined {
    return this.#sql.exec<{ state: State }>('SELECT state FROM run WHERE id = ?', runId).toArray()[0]?.state
  }

  /** How it ended, while D1 has not heard of it. */
  outcome(runId: string): Outcome | undefined {
    return this.unsettled().find(({ ref }) => ref.id === runId)?.outcome
  }

  /** One row is written for all of `events`, which continue the run's numbers. Gives the last number. */
  append(runId: string, events: NewRunEvent[]): number {
    const newest = this.#newestRow(runId)
    const first = (newest?.last_seq ?? 0) + 1
    const last = first + events.length - 1
    const lines = events.map((event, at) => toLine({ run_id: runId, seq: first + at, ...event } as RunEvent)).join('')
    if (newest && newest.length < ROW_LENGTH) {
      const grow = 'UPDATE log SET events = events || ?, last_seq = ? WHERE run_id = ? AND first_seq = ?'
      this.#sql.exec(grow, lines, last, runId, newest.first_seq)
    } else {
      this.#sql.exec('INSERT INTO log VALUES (?, ?, ?, ?)', runId, first, last, lines)
    }
    return last
  }

  /** 0 when nothing is logged. */
  lastSeq(runId: string): number {
    return this.#newestRow(runId)?.last_seq ?? 0
  }

  #newestRow(runId: string) {
    const newest = `SELECT first_seq, last_seq, length(events) AS length FROM log WHERE run_id = ? ORDER BY first_seq DESC LIMIT 1`
    return this.#sql.exec<{ first_seq: number; last_seq: number; length: number }>(newest, runId).toArray()[0]
  }

  /** The lines of events `after` … `upTo`, a bounded number of them; `undefined` when there are none. */
  read(runId: string, after: number, upTo: number): { lines: string; lastSeq: number } | undefined {
    const rows = this.#sql.exec<{ first_seq: number; last_seq: number; events: string }>(
      // Begins at the row that holds the next event, so that no row before it is read.
      `SELECT first_seq, last_seq, events FROM log WHERE run_id = ?1 AND last_seq > ?2 AND first_seq <= ?3 AND first_seq >=
         coalesce((SELECT max(first_seq) FROM log WHERE run_id = ?1 AND first_seq <= ?2 + 1), 0) ORDER BY first_seq`,
      runId,
      after,
      upTo,
    )
    let lines = ''
    let lastSeq = after
    for (const row of rows) {
      // A row has many events: a client may have some of them, and the newest may not be on disk yet.
      const isWhole = lastSeq + 1 === row.first_seq && row.last_seq <= upTo
      lines += isWhole ? row.events : eventsOf(row, lastSeq, upTo)
      lastSeq = Math.min(row.last_seq, upTo)
      if (lines.length >= READ_LENGTH) break
    }
    return lastSeq <= after ? undefined : { lines, lastSeq }
  }

  /** What was generated so far, as the events tell it. */
  generated(runId: string): Generated & { made: number } {
    const generated: Generated & { made: number } = { text: '', sources: [], made: 0 }
    for (const { events } of this.#sql.exec<{ events: string }>(
      'SELECT events FROM log WHERE run_id = ? ORDER BY first_seq',
      runId,
    )) {
      for (const line of events.split('\n')) {
        const event = line ? (JSON.parse(line) as RunEvent) : undefined
        if (event?.type === 'message.delta') generated.text += event.delta
        if (event?.type === 'tool.result') generated.sources = mergeSources(generated.sources, event.sources)
        generated.made += lengthOf(event)
      }
    }
    return generated
  }

  /** Whether the last event logged is the terminal one. */
  isClosed(runId: string): boolean {
    const [row] = this.#sql
      .exec<{ events: string }>('SELECT events FROM log WHERE run_id = ? ORDER BY first_seq DESC LIMIT 1', runId)
      .toArray()
    const last = row?.events.trimEnd().split('\n').at(-1)
    return last !== undefined && isTerminal(JSON.parse(last) as RunEvent)
  }

  /** The outcome is decided: from now on it is only a matter of telling D1 and the watchers. */
  markEnded(runId: string, outcome: Outcome): void {
    this.#sql.exec(
      "UPDATE run SET state = 'ended', outcome = ?, ended_at = ? WHERE id = ? AND state = 'active'",
      JSON.stringify(outcome),
      outcome.endedAt,
      runId,
    )
  }

  markSettled(runId: string): void {
    this.#sql.exec("UPDATE run SET state = 'settled', outcome = NULL WHERE id = ?", runId)
  }

  /** Runs that an earlier process left unsettled; from now on they are this one's. */
  takeOver(epoch: string): Unsettled[] {
    const rows = this.#sql.exec<Row>("SELECT * FROM run WHERE state <> 'settled' AND epoch <> ?", epoch).toArray()
    this.#sql.exec("UPDATE run SET epoch = ?1 WHERE state <> 'settled' AND epoch <> ?1", epoch)
    return rows.map(toUnsettled)
  }

  /** Runs whose end D1 has not heard of. */
  unsettled(): Unsettled[] {
    return this.#sql.exec<Row>("SELECT * FROM run WHERE state = 'ended'").toArray().map(toUnsettled)
  }

  /** Deletes settled runs whose time, `keptMs` unless they say another one, is over; gives when that of the next one is. */
  forget(now: number, keptMs: number): number | undefined {
    const until = `ended_at + coalesce(ref ->> 'keptMs', ${keptMs})`
    const old = `FROM run WHERE state = 'settled' AND ${until} <= ?`
    this.#sql.exec(`DELETE FROM log WHERE run_id IN (SELECT id ${old})`, now)
    this.#sql.exec(`DELETE ${old}`, now)
    const { next } = this.#sql
      .exec<{ next: number | null }>(`SELECT min(${until}) AS next FROM run WHERE state = 'settled'`)
      .one()
    return next ?? undefined
  }
}

/** The lines of a row for the events after one and up to another. */
const eventsOf = ({ first_seq, events }: { first_seq: number; events: string }, after: number, upTo: number) =>
  events
    .split(/(?<=\n)/)
    .slice(Math.max(0, after + 1 - first_seq), upTo + 1 - first_seq)
    .join('')

/** What a model made of it, as `CallUse` counts. */
function lengthOf(event: RunEvent | undefined): number {
  if (event?.type === 'message.delta') return utf8Length(event.delta)
  if (event?.type === 'reasoning.delta') return event.delta.length
  return event?.type === 'tool.call' ? event.name.length + event.arguments.length : 0
}

const toUnsettled = ({ ref, outcome }: Row): Unsettled => ({
  ref: JSON.parse(ref),
  // One of before there was a web search has no sources.
  outcome: outcome === null ? undefined : { sources: [], ...JSON.parse(outcome) },
})
