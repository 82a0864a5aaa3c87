import { AT_ENDPOINT } from '../../ai/targets.ts'
import type { Log } from '../../http/log.ts'
import type { Outcome, RunRef } from './job.ts'

/** Says in the log how a run ended. */
export function reportEnd(log: Log, run: RunRef, outcome: Outcome, persisted: boolean): void {
  const { ending, usage, attempts, endedAt } = outcome
  const error = 'error' in ending ? ending.error.code : undefined
  log(error ? 'warn' : 'info', 'run_ended', {
    run_id: run.id,
    user_id: run.userId,
    status: ending.status,
    error,
    model: run.model,
    upstream: attempts.at(-1)?.upstream,
    tries: attempts.length,
    tokens: usage.total_tokens,
    ms: endedAt - run.createdAt,
    persisted,
  })
  // The keys of endpoints are their owners' to mend.
  if (error === 'upstream_auth' && run.model !== AT_ENDPOINT) {
    log('error', 'upstream_auth', { run_id: run.id, model: run.model })
  }
  if (attempts.some(({ status }) => status === 'upstream_refused')) {
    log('warn', 'ssrf_refused', { run_id: run.id, user_id: run.userId, upstream: attempts.at(-1)?.upstream })
  }
}
