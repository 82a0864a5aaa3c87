import type { Model } from '../../ai/models.ts'
import type { CancelReason, Source } from '../../lib/run-events.ts'
import type { Ending, Result, RunRef } from './job.ts'
import { toRunFault } from './run-fault.ts'
import type { Generation } from './tool-loop.ts'
import { type CallUse, usageOf } from './usage.ts'

/** What there is by the end, as the log or the live run has it. */
export type Generated = { text: string; sources: Source[] }

/** Why somebody stopped a run. */
export type Stopped = CancelReason | 'run_too_long' | 'runner_unavailable'

/** What an endpoint takes is between its owner and the user. */
const FREE = { price_in: 0, price_out: 0 }

/** What a generation came to. The price is that of the target that answered, whatever it is called. */
export function resultOf(
  run: RunRef,
  generation: Generation,
  stopped: Stopped | undefined,
  { text, sources }: Generated,
): Result {
  const { started, uses, attempts, target } = generation
  const ending = endingOf(generation, stopped)
  const usage = usageOf({
    ending: ending.status,
    started,
    uses,
    reserved: reservedFor(run),
    // Its client was told that there is no reply.
    calls: stopped === 'runner_unavailable' ? 0 : attempts.length,
    model: target?.endpoint ? { ...target, ...FREE } : target,
  })
  return { ending, usage, text, sources, attempts }
}

/**
 * What a run came to that nobody is generating any more. What it used is estimated; without content it is free. `made` is
 * the length of it all, as `CallUse` counts.
 */
export function lostResultOf(
  run: RunRef,
  ending: Ending,
  { text, sources, made }: Generated & { made: number },
  models: Model[],
): Result {
  const started = made > 0
  const first = { inputTokens: run.context.tokens, reserved: run.reserved?.tokens }
  const further = (run.further ?? []).map(({ input, reserved }) => ({ inputTokens: input, reserved }))
  const uses: CallUse[] = [first, ...further].map((call) => ({ ...call, made: 0, isFinal: false }))
  // Which of its calls made what is not known any more.
  uses.at(-1)!.made = made
  const usage = usageOf({
    ending: ending.status,
    started,
    uses,
    reserved: reservedFor(run),
    calls: started ? uses.length : 0,
    model: models.find(({ id }) => id === run.model),
  })
  return { ending, usage, text, sources, attempts: [] }
}

/** Tokens that are held for all calls of a run; nothing is known of runs of before there were quotas. */
const reservedFor = ({ reserved, further = [] }: RunRef): number | undefined =>
  reserved ? further.reduce((sum, call) => sum + call.reserved, reserved.tokens) : undefined

/** An answer without a finish reason is never complete, whatever came of it. */
function endingOf({ finish, fault, started }: Generation, stopped: Stopped | undefined): Ending {
  if (finish) return { status: 'completed', finishReason: finish }
  if (stopped === 'runner_unavailable') return { status: 'failed', error: toRunFault(stopped) }
  if (stopped === 'run_too_long') return { status: 'failed', error: toRunFault('run_too_long', started) }
  if (stopped) return { status: 'cancelled', cancelReason: stopped }
  return { status: 'failed', error: fault ?? toRunFault('upstream_truncated', started) }
}
