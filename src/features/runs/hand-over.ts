import type { OwnerCtx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import { describeError } from '../../http/log.ts'
import { callRunner } from './call-runner.ts'
import { follow, type RunFeed } from './follow.ts'
import { type Ending, eventsOf, type Job, type Result } from './job.ts'
import { toRunFault } from './run-fault.ts'
import { settle } from './settle.ts'
import { NO_USAGE } from './usage.ts'

/** Gives the run to its Runner. When that fails the run ends as failed and free of charge, without it if need be. */
export async function handOver(ctx: OwnerCtx, job: Job): Promise<RunFeed> {
  const { run } = job
  try {
    const watch = await callRunner(ctx, run.runner!, (runner) => runner.start(job))
    if (watch.kind !== 'stream') throw new AppError('runner_unavailable')
    return follow(ctx, run, watch.stream, 0, { userId: run.userId })
  } catch (error) {
    const ending: Ending = { status: 'failed', error: toRunFault('runner_unavailable') }
    const result: Result = { ending, text: '', sources: [], usage: NO_USAGE, attempts: [] }
    const lastSeq = eventsOf(run, result).length
    // It may have begun all the same. Should all of this fail, the run's lease runs out and recovery ends it.
    await callRunner(ctx, run.runner!, (runner) => runner.abandon(run))
      .catch(() => settle(ctx.db, run, { ...result, lastSeq, endedAt: Date.now() }))
      .catch((failure) => ctx.log('error', 'settlement_failed', { run_id: run.id, ...describeError(failure) }))
    throw new AppError('runner_unavailable', undefined, {
      extras: { run_id: run.id, message_id: run.messageId ?? undefined },
      retryAfterS: 1,
      cause: error,
    })
  }
}
