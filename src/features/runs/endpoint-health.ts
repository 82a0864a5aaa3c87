import { completionsOf } from '../../ai/outgoing.ts'
import type { UpstreamCode, UpstreamFault } from '../../ai/provider.ts'
import type { Target } from '../../ai/targets.ts'
import { CircuitBreaker, type Health } from '../../lib/circuit-breaker.ts'

/**
 * Of this isolate. The URL is the key, so that nobody's chatbot is held up by what others do elsewhere. Models that are served here
 * are not watched: each reply is promised its tries and the fallback, and the one provider of all must not be shut by a few.
 */
const breaker = new CircuitBreaker({ faults: 5, openMs: 15_000, most: 1_000 })

/** What tells that a server is ill, and not that this call was wrong. */
const ILLS = new Set<UpstreamCode>([
  'upstream_error',
  'upstream_timeout',
  'upstream_busy',
  'upstream_garbled',
  'upstream_truncated',
  'upstream_stalled',
])

/** For how many milliseconds each is not to be asked; 0 for those that may be. */
export const waitsOf = (targets: Target[]): number[] =>
  targets.map((target) => {
    const server = serverOf(target)
    return server === undefined ? 0 : breaker.waitMs(server, Date.now())
  })

/** Says that a target is asked now; what it gives is to be told what came of it, without a fault if all went well. */
export function asking(target: Target): (outcome: UpstreamFault | 'well' | 'aborted') => void {
  const server = serverOf(target)
  if (server === undefined) return () => {}
  const isProbe = breaker.asked(server, Date.now())
  return (outcome) => breaker.told(server, healthOf(outcome), isProbe, Date.now())
}

function healthOf(outcome: UpstreamFault | 'well' | 'aborted'): Health {
  if (outcome === 'well') return 'well'
  if (outcome === 'aborted') return 'unknown'
  // It has read the call.
  if (outcome.code === 'upstream_rejected' || outcome.code === 'context_too_long') return 'well'
  if (!ILLS.has(outcome.code)) return 'unknown'
  // Whoever says when to come back knows what it does.
  return outcome.code === 'upstream_busy' && outcome.retryAfterMs !== undefined ? 'unknown' : 'ill'
}

function serverOf({ endpoint }: Target): string | undefined {
  if (!endpoint) return undefined
  return URL.canParse(endpoint.url) ? completionsOf(endpoint.url) : endpoint.url
}
