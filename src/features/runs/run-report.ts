import { AT_ENDPOINT } from '../../ai/targets.ts'
import type { Log } from '../../http/log.ts'
import type { Metrics } from '../../http/metrics.ts'
import type { Outcome, RunRef } from './job.ts'

/** Where it is said, and what only whoever made the run knows: when something of the answer first came, in Unix milliseconds. */
type Report = { log: Log; metrics: Metrics; firstDeltaAt: number | undefined }

/** Says how a run ended, in the log and in the metrics. */
export function reportEnd(
  { log, metrics, firstDeltaAt }: Report,
  run: RunRef,
  outcome: Outcome,
  persisted: boolean,
): void {
  const { ending, usage, attempts, endedAt } = outcome
  const error = 'error' in ending ? ending.error.code : undefined
  const ms = endedAt - run.createdAt
  const firstTokenMs = firstDeltaAt === undefined ? undefined : firstDeltaAt - run.createdAt
  log(error ? 'warn' : 'info', 'run_ended', {
    run_id: run.id,
    user_id: run.userId,
    status: ending.status,
    error,
    model: run.model,
    upstream: attempts.at(-1)?.upstream,
    tries: attempts.length,
    tokens: usage.total_tokens,
    ms,
    first_token_ms: firstTokenMs,
    persisted,
  })
  // The keys of endpoints are their owners' to mend.
  if (error === 'upstream_auth' && run.model !== AT_ENDPOINT) {
    log('error', 'upstream_auth', { run_id: run.id, model: run.model })
  }
  if (attempts.some(({ status }) => status === 'upstream_refused')) {
    log('warn', 'ssrf_refused', { run_id: run.id, user_id: run.userId, upstream: attempts.at(-1)?.upstream })
  }
  metrics.run({
    kind: run.kind,
    model: run.model,
    status: ending.status,
    error,
    ms,
    firstTokenMs,
    inputTokens: usage.input_tokens,
    outputTokens: usage.output_tokens,
    costMicrousd: usage.cost_microusd,
    tries: attempts.length,
  })
}
