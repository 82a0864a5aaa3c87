import { and, eq, lt, type SQL, sql } from 'drizzle-orm'
import { unmetPrecondition } from '../../db/preconditions.ts'
import { runs } from '../../db/schema/index.ts'
import type { BaseCtx, Ctx } from '../../http/context.ts'
import { callRunner } from './call-runner.ts'
import type { Ending, RunRef } from './job.ts'
import { lostResultOf } from './result.ts'
import { toRunFault } from './run-fault.ts'
import { settle } from './settle.ts'
import type { StoredRun } from './wire/run.ts'

/** A run younger than this may still be on its way to its Runner; it is not lost because the Runner has not heard of it. */
export const START_GRACE_MS = 5_000
const SWEEP_LIMIT = 100

const INTERRUPTED: Ending = { status: 'interrupted', error: toRunFault('run_interrupted') }

/** What a Runner needs of a run that it may never have seen. */
export const toRunRef = (run: StoredRun): RunRef => ({
  id: run.id,
  kind: run.kind,
  runner: run.runner,
  userId: run.userId,
  apiKeyId: run.apiKeyId ?? undefined,
  chatbotId: run.chatbotId ?? undefined,
  chatbotVersion: run.chatbotVersion ?? undefined,
  channelId: run.channelId ?? undefined,
  triggerKey: run.triggerKey ?? undefined,
  conversationId: run.conversationId,
  userMessageId: run.userMessageId,
  messageId: run.messageId,
  model: run.model,
  context: run.context,
  reserved: run.reserved,
  warnings: run.warnings,
  createdAt: run.createdAt.getTime(),
})

/**
 * Asks the Runner whether it really has the run, which ends it if not. Gives whether it is still going on. One that a Worker
 * owns is lost when its lease is over.
 */
export async function isAlive(ctx: BaseCtx, run: StoredRun): Promise<boolean> {
  if (run.runner === null) return !(await endDirect(ctx, run))
  const isOnItsWay = Date.now() - run.createdAt.getTime() < START_GRACE_MS
  return callRunner(ctx, run.runner, (runner) => runner.recover(toRunRef(run), isOnItsWay))
}

/** Ends a run whose Worker is gone; false when it works on. Nobody knows what it wrote: once it had worked for a while, the input is paid. */
async function endDirect({ db, config }: BaseCtx, run: StoredRun): Promise<boolean> {
  const now = Date.now()
  if (run.leaseUntil.getTime() >= now) return false
  const ref = toRunRef(run)
  const hasWorked = run.leaseUntil.getTime() > ref.createdAt + config.RUN_LEASE_MS
  const made = { text: '', sources: [], made: hasWorked ? 1 : 0 }
  const result = lostResultOf(ref, INTERRUPTED, made, config.MODELS)
  // It may have held its lease a moment ago.
  const isOver = sql`EXISTS (SELECT 1 FROM runs WHERE id = ${run.id} AND lease_until < ${now})`
  try {
    await settle(db, ref, { ...result, lastSeq: 0, endedAt: now }, isOver)
    return true
  } catch (error) {
    if (unmetPrecondition(error) === 'may_settle') return false
    throw error
  }
}

/** Ends a dead reply that blocks one's own conversation, which may be an expression. Gives the run when it is alive. */
export async function freeConversation(ctx: Ctx, conversationId: string | SQL): Promise<RunRef | undefined> {
  const [run] = await ctx.db
    .select()
    .from(runs)
    .where(
      and(
        sql`${runs.conversationId} = ${conversationId}`,
        // As it is written in the index of active replies.
        sql`status = 'in_progress' AND kind = 'reply'`,
        eq(runs.userId, ctx.user.id),
      ),
    )
  return run && (await isAlive(ctx, run)) ? toRunRef(run) : undefined
}

/** A chore: ends runs that nobody has heard of for a lease, and that nobody asks for. */
export async function recoverLostRuns(ctx: BaseCtx): Promise<void> {
  const { db, now, log } = ctx
  const lost = await db
    .select()
    .from(runs)
    .where(and(eq(runs.status, 'in_progress'), lt(runs.leaseUntil, now)))
    .orderBy(runs.leaseUntil)
    .limit(SWEEP_LIMIT)
  const results = await Promise.allSettled(lost.map((run) => isAlive(ctx, run)))
  const failed = results.filter(({ status }) => status === 'rejected').length
  if (lost.length > 0) log(failed > 0 ? 'error' : 'info', 'lost_runs', { count: lost.length, failed })
}
