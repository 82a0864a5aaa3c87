import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { mustHold } from '../../db/preconditions.ts'
import { messages, runs, usageLedger } from '../../db/schema/index.ts'
import { describeError, type Log } from '../../http/log.ts'
import { newId } from '../../lib/ids.ts'
import { estimateTokens } from '../../lib/token-estimate.ts'
import { release } from '../plans/service/quota.ts'
import type { Ending, Outcome, Result, RunRef } from './job.ts'
import { NO_USAGE } from './usage.ts'
import { type StoredRun, toFault } from './wire/run.ts'

/** A try to settle is given up after this; D1 itself would take half a minute. It is idempotent, so another may follow. */
const TRY_MS = 800
/** Pauses before the tries that watchers wait for. */
const PAUSES_MS = [0, 200, 600]

/**
 * A few quick tries to settle, about 3 s at the longest, while watchers wait for the terminal event. `stored` is how the
 * run had ended in D1 before, if it had.
 */
export async function settlePromptly(
  db: Db,
  run: RunRef,
  outcome: Outcome,
  log: Log,
): Promise<{ persisted: boolean; stored?: Result }> {
  for (const pauseMs of PAUSES_MS) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    try {
      return { persisted: true, stored: await settleWithin(db, run, outcome) }
    } catch (error) {
      log('error', 'settlement_failed', { run_id: run.id, ...describeError(error) })
    }
  }
  return { persisted: false }
}

/** `settle`, or an error when D1 takes longer than TRY_MS. */
export async function settleWithin(db: Db, run: RunRef, outcome: Outcome): Promise<Result | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('D1 took too long')), TRY_MS)
  })
  try {
    return await Promise.race([settle(db, run, outcome), late])
  } finally {
    clearTimeout(timer)
  }
}

/** The reply that is being written; nothing for a run that writes none. */
const placeholderOf = ({ messageId }: RunRef) =>
  and(sql`${messages.id} = ${messageId}`, eq(messages.status, 'in_progress'))

/**
 * Ends a run in D1: message, run and one row of the ledger, in one batch. Every statement holds only while the run
 * is in progress, or once per run, so doing it again changes nothing. Gives how it had ended before, if it had, and
 * otherwise than this. @throws with the label `may_settle` unless `onlyIf` holds
 */
export async function settle(db: Db, run: RunRef, outcome: Outcome, onlyIf?: SQL): Promise<Result | undefined> {
  const { ending, text, sources, usage, attempts, lastSeq } = outcome
  const endedAt = new Date(outcome.endedAt)
  const fault = 'error' in ending ? ending.error : undefined
  const written =
    run.messageId === null
      ? []
      : [
          db
            .update(messages)
            .set({
              content: text,
              tokens: estimateTokens(text),
              sources: sources.length > 0 ? sources : null,
              status: ending.status,
              updatedAt: endedAt,
            })
            .where(placeholderOf(run)),
        ]
  const results = await db.batch([
    ...bookOnce(db, run, outcome),
    ...written,
    ...(onlyIf ? [mustHold(db, 'may_settle', onlyIf)] : []),
    db
      .update(runs)
      .set({
        status: ending.status,
        finishReason: ending.status === 'completed' ? ending.finishReason : null,
        cancelReason: ending.status === 'cancelled' ? ending.cancelReason : null,
        errorCode: fault?.code,
        errorMessage: fault?.message,
        retryable: fault?.retryable,
        usage,
        attempts,
        lastSeq,
        endedAt,
      })
      .where(and(eq(runs.id, run.id), eq(runs.status, 'in_progress')))
      .returning({ id: runs.id }),
  ])
  const ended = results.at(-1) as { id: string }[]
  return ended.length > 0 ? undefined : storedResult(db, run, outcome)
}

/**
 * Statements for the row of the ledger and the reservation that it takes the place of: together, and only once. No run is
 * charged more than was reserved for it.
 */
const bookOnce = (db: Db, run: RunRef, { ending, usage, attempts, endedAt }: Outcome) =>
  [
    db
      .insert(usageLedger)
      .select(sql`
        SELECT ${newId()}, r.run_id, ${run.userId}, ${run.apiKeyId ?? null}, ${run.chatbotId ?? null}, ${run.conversationId}, ${run.kind}, ${run.model},
          ${attempts.at(-1)?.upstream ?? null}, ${run.createdAt}, r.period_start, iif(${usage.total_tokens} > 0, r.messages, 0),
          ${usage.calls}, ${usage.input_tokens}, ${usage.cached_tokens}, ${usage.output_tokens}, ${usage.reasoning_tokens},
          min(${usage.total_tokens}, r.tokens), max(${usage.total_tokens} - r.tokens, 0), ${usage.cost_microusd},
          ${usage.estimated ? 1 : 0}, ${ending.status}, ${endedAt}
        FROM (SELECT run_id, period_start, sum(messages) AS messages, sum(input_tokens + output_tokens) AS tokens FROM reservations
              WHERE run_id = ${run.id} GROUP BY run_id, period_start) r
        WHERE true`)
      .onConflictDoNothing({ target: usageLedger.runId }),
    ...release(db, run.id),
  ] as const

async function storedResult(db: Db, run: RunRef, { endedAt }: Outcome): Promise<Result | undefined> {
  const [row] = await db
    .select({ run: runs, content: messages.content, sources: messages.sources })
    .from(runs)
    .leftJoin(messages, eq(messages.id, runs.messageId))
    .where(eq(runs.id, run.id))
  // Ended at the very moment that we ended it: that was an earlier try of ours.
  if (!row || row.run.endedAt?.getTime() === endedAt) return undefined
  const { content, sources, run: stored } = row
  const usage = stored.usage ?? NO_USAGE
  return { ending: toEnding(stored), text: content ?? '', sources: sources ?? [], usage, attempts: [] }
}

/** How a run ended, as D1 tells it. */
export function toEnding(run: StoredRun): Ending {
  if (run.status === 'completed') return { status: run.status, finishReason: run.finishReason! }
  if (run.status === 'cancelled') return { status: run.status, cancelReason: run.cancelReason! }
  return { status: run.status as 'failed' | 'interrupted', error: toFault(run)! }
}

/** Keeps what is there of a long reply, and says that somebody is still working on it. False when it has ended in D1. */
export async function checkpoint(db: Db, run: RunRef, text: string, leaseUntil: Date): Promise<boolean> {
  const [, held] = await db.batch([
    db.update(messages).set({ content: text }).where(placeholderOf(run)),
    db
      .update(runs)
      .set({ leaseUntil })
      .where(and(eq(runs.id, run.id), eq(runs.status, 'in_progress')))
      .returning({ id: runs.id }),
  ])
  return held.length > 0
}

/** The number of the terminal event, once it is known. */
export async function setLastSeq(db: Db, run: RunRef, lastSeq: number): Promise<void> {
  await db.update(runs).set({ lastSeq }).where(eq(runs.id, run.id))
}
