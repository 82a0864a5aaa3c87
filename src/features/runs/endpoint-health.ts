import { completionsOf } from '../../ai/outgoing.ts'
import type { UpstreamCode, UpstreamFault } from '../../ai/provider.ts'
import type { Target } from '../../ai/targets.ts'
import { type CallOutcome, CircuitBreaker } from '../../lib/circuit-breaker.ts'

/**
 * Of this isolate, by chatbot and URL: many call the same server, each with a key of their own, and nobody's chatbot is to be held up
 * by what others do. Models that are served here
 * are not watched: each reply is promised its tries and the fallback, and the one provider of all must not be shut by a few.
 */
const breaker = new CircuitBreaker({ failureThreshold: 5, openMs: 15_000, most: 1_000 })

/** What tells that a server fails, and not that this call was wrong. */
const FAILURES = new Set<UpstreamCode>([
  'upstream_error',
  'upstream_timeout',
  'upstream_busy',
  'upstream_garbled',
  'upstream_truncated',
  'upstream_stalled',
])

/** How a call ended: with an answer, by a fault, or by us. */
type Ended = UpstreamFault | 'well' | 'aborted'

/** For how many milliseconds each is not to be asked; 0 for those that may be. */
export const waitsOf = (targets: Target[]): number[] =>
  targets.map((target) => {
    const server = serverOf(target)
    return server === undefined ? 0 : breaker.waitMs(server, Date.now())
  })

/** Says that a target is asked now; what it gives is to be told what came of it: a fault, an answer, or that we ended it. */
export function asking(target: Target): (ended: Ended) => void {
  const server = serverOf(target)
  if (server === undefined) return () => {}
  const isProbe = breaker.beginCall(server, Date.now())
  return (ended) => breaker.record(server, outcomeOf(ended), isProbe, Date.now())
}

function outcomeOf(ended: Ended): CallOutcome {
  if (ended === 'well') return 'success'
  if (ended === 'aborted') return 'ignored'
  // It has read the call.
  if (ended.code === 'upstream_rejected' || ended.code === 'context_too_long') return 'success'
  if (!FAILURES.has(ended.code)) return 'ignored'
  // Whoever says when to come back knows what it does.
  return ended.code === 'upstream_busy' && ended.retryAfterMs !== undefined ? 'ignored' : 'failure'
}

function serverOf({ endpoint }: Target): string | undefined {
  if (!endpoint) return undefined
  const url = URL.canParse(endpoint.url) ? completionsOf(endpoint.url) : endpoint.url
  return `${endpoint.chatbotId} ${url}`
}
