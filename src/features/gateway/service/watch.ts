import type { OwnerCtx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { isAlive, type RunFeed, readRun, watchStored } from '../../runs/service.ts'

/**
 * A completion of the caller's from its start, told as seen up to number `after`; `ended` when nothing follows.
 * @throws AppError `run_not_found`, `run_expired`, `run_in_progress` for one that is wanted whole and is not finished
 */
export async function watchCompletion(
  ctx: OwnerCtx,
  runId: string,
  after: number,
  isStream: boolean,
): Promise<RunFeed | 'ended'> {
  const { run } = await readRun(ctx, runId).catch(throwNotFound)
  if (run.kind !== 'gateway') throw notFound()
  if (!isStream && run.status === 'in_progress' && (await isAlive(ctx, run))) {
    throw new AppError('run_in_progress', undefined, { extras: { run_id: runId }, retryAfterS: 1 })
  }
  return watchStored(ctx, run, after, true)
}

const notFound = () => new AppError('run_not_found')

const throwNotFound = (error: unknown): never => {
  throw error instanceof AppError && error.code === 'not_found' ? notFound() : error
}
