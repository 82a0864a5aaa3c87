import type { Model } from '../../src/ai/models.ts'
import type { TokenCounts } from '../../src/ai/provider.ts'
import type { Attempt } from '../../src/db/schema/index.ts'
import { closingEvents, type Result, type RunRef } from '../../src/features/runs/job.ts'
import { lostResultOf, resultOf as resultOfGeneration } from '../../src/features/runs/result.ts'
import { toRunFault } from '../../src/features/runs/run-fault.ts'
import type { Generation } from '../../src/features/runs/tool-loop.ts'
import { utf8Length } from '../../src/lib/token-estimate.ts'
import type { Turn } from './talk.ts'

const MS_TO_FIRST_TOKEN = 700
const MS_PER_TOKEN = 18
/** Faults that come at once are tried again. */
const TRIES = 3
const WAIT_MS = 120_000
const LETTERS_PER_EVENT = 60

/** What the run of a turn came to, by the rules of the service itself. */
export function resultOf(run: RunRef, { reply, end }: Turn, model: Model): Result {
  const made = utf8Length(reply)
  const written = { text: reply, sources: [], made }
  if (end === 'interrupted') {
    return lostResultOf(run, { status: 'interrupted', error: toRunFault('run_interrupted') }, written, [model])
  }
  const counts = countsOf(run, reply, model)
  const ms = MS_TO_FIRST_TOKEN + counts.output * MS_PER_TOKEN
  const attempt = (status: string, ms: number): Attempt => ({ upstream: model.provider, model: model.id, status, ms })
  const of = (generation: Omit<Generation, 'started' | 'uses'>, counts?: TokenCounts, stopped?: 'user') => {
    const uses = [{ inputTokens: run.context.tokens, made, counts, isFinal: counts !== undefined }]
    return resultOfGeneration(run, { target: model, started: reply !== '', uses, ...generation }, stopped, written)
  }

  if (end === undefined || end === 'length') {
    return of({ finish: end ?? 'stop', attempts: [attempt('ok', ms)] }, counts)
  }
  if (end === 'cancelled') return of({ attempts: [attempt('aborted', ms)] }, undefined, 'user')
  const isPatient = reply === '' && end !== 'upstream_timeout'
  return of({
    fault: toRunFault(end, reply !== ''),
    attempts: Array.from({ length: isPatient ? TRIES : 1 }, () =>
      attempt(end, end === 'upstream_timeout' ? WAIT_MS : ms),
    ),
  })
}

/** What a provider would have counted: fewer tokens than our cautious estimate. */
function countsOf(run: RunRef, reply: string, { id, provider }: Model): TokenCounts {
  if (provider === 'offline') {
    return { input: run.context.tokens, cached: 0, output: reply.split(' ').length, reasoning: 0 }
  }
  const reasoning = id === 'o3' ? Math.ceil(reply.length / 2) : 0
  return {
    input: Math.round(run.context.tokens * 0.75),
    cached: 0,
    output: Math.ceil(reply.length / 4) + reasoning,
    reasoning,
  }
}

/** How long it took. */
export const msOf = ({ text, attempts }: Result): number =>
  attempts.length > 0 ? attempts.reduce((sum, { ms }) => sum + ms, 0) : MS_TO_FIRST_TOKEN + text.length * 5

/** The number of its last event, had the text been streamed. */
export const lastSeqOf = (run: RunRef, result: Result): number =>
  1 + Math.ceil(result.text.length / LETTERS_PER_EVENT) + closingEvents(run, result, true).length
