import type { Model } from '../../ai/models.ts'
import type { CancelReason } from '../../lib/run-events.ts'
import { type Generation, toRunFault } from './generate.ts'
import type { Ending, Result, RunRef } from './job.ts'
import { usageOf } from './usage.ts'

/** What was written by the end, as the log or the live run has it. */
type Written = { text: string; reasoningLength: number }

/** Why somebody stopped a run. */
export type Stopped = CancelReason | 'run_too_long' | 'runner_unavailable'

/** What a generation came to. `models` has the prices of the one that answered. */
export function resultOf(
  run: RunRef,
  generation: Generation,
  stopped: Stopped | undefined,
  written: Written,
  models: Model[],
): Result {
  const { finish, started, counts, attempts } = generation
  const { text, reasoningLength } = written
  const ending = endingOf(generation, stopped)
  const usage = usageOf({
    ending: ending.status,
    started,
    counts,
    isCountFinal: finish !== undefined,
    text,
    reasoningLength,
    sentTokens: run.context.tokens,
    reserved: run.reserved?.tokens,
    // Its client was told that there is no reply.
    calls: stopped === 'runner_unavailable' ? 0 : attempts.length,
    model: models.find(({ id }) => id === attempts.at(-1)?.model),
  })
  return { ending, usage, text, attempts }
}

/** What a run came to that nobody is generating any more. What it used is estimated; without content it is free. */
export function lostResultOf(run: RunRef, ending: Ending, written: Written, models: Model[]): Result {
  const started = written.text !== '' || written.reasoningLength > 0
  const usage = usageOf({
    ending: ending.status,
    started,
    isCountFinal: false,
    ...written,
    sentTokens: run.context.tokens,
    reserved: run.reserved?.tokens,
    calls: started ? 1 : 0,
    model: models.find(({ id }) => id === run.model),
  })
  return { ending, usage, text: written.text, attempts: [] }
}

/** An answer without a finish reason is never complete, whatever came of it. */
function endingOf({ finish, fault, started }: Generation, stopped: Stopped | undefined): Ending {
  if (finish) return { status: 'completed', finishReason: finish }
  if (stopped === 'runner_unavailable') return { status: 'failed', error: toRunFault(stopped) }
  if (stopped === 'run_too_long') return { status: 'failed', error: toRunFault('run_too_long', started) }
  if (stopped) return { status: 'cancelled', cancelReason: stopped }
  return { status: 'failed', error: fault ?? toRunFault('upstream_truncated', started) }
}
