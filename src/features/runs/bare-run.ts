import type { SQL } from 'drizzle-orm'
import { claimKey, type Idempotency, isKeyTaken, resultOf, selectClaim } from '../../db/idempotency.ts'
import { mustAllHold } from '../../db/preconditions.ts'
import { runs } from '../../db/schema/index.ts'
import type { OwnerCtx } from '../../http/context.ts'
import { type Need, type Quota, quotaRefusal, readQuota, reserve, reservedAsJson } from '../plans/service/quota.ts'
import { commitRun } from './commit-run.ts'
import { runDirectly } from './direct-run.ts'
import type { RunFeed } from './follow.ts'
import { handOver } from './hand-over.ts'
import type { Job } from './job.ts'
import { watchRun } from './watch.ts'

/** A run outside of conversations, as it is to be written. */
export type BareRun = {
  job: Job
  /** What must hold for it to begin, by the label with which the batch fails otherwise. */
  conditions: Record<string, SQL>
  idempotency?: Idempotency
  /** What was asked for, to know it again. */
  fingerprint?: string
}

/**
 * Begins a run that belongs to no conversation, in one round trip. Its events are those of an earlier run when the key was
 * used before: from the start, told as seen up to `lastEventId`. Once it resolves a run that a Runner owns goes on without us;
 * any other ends when `signal` says that its client has left.
 * @throws AppError `idempotency_key_reused`, `plan_limit_reached`, `key_limit_reached`, `quota_in_flight`,
 *   `too_many_runs`, `runner_unavailable`; and whatever names an unmet condition
 */
export function startBareRun(
  ctx: OwnerCtx,
  bare: BareRun,
  { lastEventId, signal }: { lastEventId: number; signal: AbortSignal },
): Promise<RunFeed | 'ended'> {
  const { run } = bare.job
  const work = (async (): Promise<RunFeed | 'ended'> => {
    const admission = await admitBareRun(ctx, bare)
    if ('replayOf' in admission) return watchAgain(ctx, admission.replayOf, lastEventId)
    const { job, quota } = admission
    const feed = run.runner === null ? runDirectly(ctx, job, signal) : await handOver(ctx, job)
    return { ...feed, quota }
  })()
  ctx.waitUntil(work.catch(() => {}))
  return work
}

/** An earlier run, for a request that asks for the same. */
export async function watchAgain(ctx: OwnerCtx, runId: string, lastEventId: number): Promise<RunFeed | 'ended'> {
  const [feed, quota] = await Promise.all([watchRun(ctx, runId, lastEventId, true), readQuota(ctx)])
  return feed === 'ended' ? feed : { ...feed, quota, replayed: true }
}

type Admission = { job: Job; quota: Quota } | { replayOf: string }
type Admitting = Pick<OwnerCtx, 'db' | 'user' | 'now' | 'config'>

/** Writes the run, with what is held for it, unless the key was used before. @throws as `startBareRun`, but nothing of Runners */
export async function admitBareRun(
  ctx: Admitting,
  { job, conditions, idempotency, fingerprint }: BareRun,
): Promise<Admission> {
  const { db, now, config } = ctx
  const { run } = job
  // A long body may have taken its time to get here; all calls of a run are of the month in which it begins.
  const createdAt = new Date(run.createdAt)
  const need: Need = { runId: run.id, call: 1, inputTokens: run.context.tokens, outputTokens: job.maxOutputTokens }
  try {
    const { reserved, quota } = await commitRun(ctx, run.id, [
      mustAllHold(db, conditions),
      // The claim comes before the quota: a request that was answered before is no new one to be refused.
      ...(idempotency ? [claimKey(db, idempotency, run.id, now)] : []),
      ...reserve(db, run.userId, need, createdAt, run.keyCap),
      db.insert(runs).values({
        ...run,
        fingerprint,
        reserved: reservedAsJson(need),
        status: 'in_progress',
        leaseUntil: new Date(run.createdAt + config.RUN_LEASE_MS),
        createdAt,
      }),
    ])
    return { job: { ...job, run: { ...run, reserved }, maxOutputTokens: reserved.tokens - need.inputTokens }, quota }
  } catch (error) {
    if (!idempotency || !isKeyTaken(error)) throw (await quotaRefusal(ctx, error, need, run.keyCap)) ?? error
    const [claim] = await selectClaim(db, idempotency)
    if (!claim) throw error
    return { replayOf: resultOf(claim, idempotency) }
  }
}
