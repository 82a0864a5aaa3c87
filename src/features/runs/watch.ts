import type { OwnerCtx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import type { NewRunEvent, RunEvent } from '../../lib/run-events.ts'
import { callRunner } from './call-runner.ts'
import { type Follower, follow, type RunFeed } from './follow.ts'
import { eventsOf } from './job.ts'
import { isAlive, toRunRef } from './recovery.ts'
import { toEnding } from './settle.ts'
import { type FoundRun, isReadable, readRun } from './stored-run.ts'
import { NO_USAGE } from './usage.ts'
import type { StoredRun } from './wire/run.ts'

/**
 * The events of a run that `readRun` gives, after number `after`: live, from the log, or told again; `ended` when nothing follows.
 * With `whole` they are from the start, unless nothing follows `after`.
 * @throws AppError `not_found`, `run_expired` when its text was kept nowhere else, `runner_unavailable`
 */
export const watchRun = async (ctx: OwnerCtx, id: string, after: number, whole = false): Promise<RunFeed | 'ended'> =>
  watchStored(ctx, (await readRun(ctx, id)).run, after, whole)

/** The same of a run that is at hand. */
export async function watchStored(
  ctx: OwnerCtx,
  stored: StoredRun,
  after: number,
  whole: boolean,
): Promise<RunFeed | 'ended'> {
  const { id } = stored
  let run = stored
  const ref = toRunRef(run)
  if (ref.runner === null) throw expired()
  const { runner: name } = ref
  const userId = ctx.user.id
  const follower: Follower = { userId, ...(ref.channelId !== undefined && { isOpen: () => isReadable(ctx, id) }) }
  const watch = (from: number) => callRunner(ctx, name, (runner) => runner.watch(id, from, userId))
  let found = await watch(after)
  for (let pauseMs = 20; found.kind === 'unknown' && run.status === 'in_progress'; pauseMs *= 2) {
    // It is on its way to its Runner, or it is lost and ends by being asked for.
    if (await isAlive(ctx, run)) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    found = await watch(after)
    if (found.kind === 'unknown') run = (await readRun(ctx, id)).run
  }
  if (found.kind === 'end' || (found.kind === 'unknown' && after === run.lastSeq)) return 'ended'
  if (found.kind === 'stream' && (after === 0 || !whole)) return follow(ctx, ref, found.stream, after, follower)
  if (found.kind === 'stream') await found.stream.cancel()
  const fromStart = found.kind === 'unknown' ? found : await watch(0)
  const seen = found.kind === 'stream' ? { skip: after } : { reset: after > 0 }
  if (fromStart.kind === 'stream') return { ...follow(ctx, ref, fromStart.stream, 0, follower), ...seen }
  if (ref.messageId === null) throw expired()
  return { ...retold(await readRun(ctx, id)), reset: after > 0 }
}

const expired = () =>
  new AppError('run_expired', 'Its text was kept for a while, or not at all: it can only be made again')

/** The log of a run is kept for minutes, its message for ever: the events as the message tells them. */
function retold({ run, content, sources }: FoundRun): RunFeed {
  const ref = toRunRef(run)
  const usage = run.usage ?? NO_USAGE
  const events = eventsOf(ref, { ending: toEnding(run), text: content, sources, usage, attempts: [] })
  // The last ones keep their numbers, so that a client which has the terminal one is told that nothing follows.
  const isOpening = (event: NewRunEvent) => event.type === 'run.created' || event.type === 'message.delta'
  const shift = run.lastSeq! - events.length
  const numbered = events.map((event, at) => ({
    run_id: run.id,
    seq: at + 1 + (isOpening(event) ? 0 : shift),
    ...event,
  })) as RunEvent[]
  const groups = (async function* () {
    yield numbered
  })()
  const nothing = async () => {}
  return { run: ref, groups, stop: nothing, keep: nothing, reset: false, skip: 0, replayed: false }
}
