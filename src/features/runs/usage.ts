import type { Model } from '../../ai/models.ts'
import type { TokenCounts } from '../../ai/provider.ts'
import type { Usage } from '../../lib/run-events.ts'
import { utf8Length } from '../../lib/token-estimate.ts'
import type { Ending } from './job.ts'

type Made = {
  ending: Ending['status']
  /** Whether the model gave any content. */
  started: boolean
  /** What the provider counted, and whether it did so at the end of its answer. */
  counts?: TokenCounts
  isCountFinal: boolean
  text: string
  /** In UTF-16 units. */
  reasoningLength: number
  /** Estimate of what was sent, in tokens. */
  sentTokens: number
  /** Tokens that may be charged at the most; unlimited for runs of before there were quotas. */
  reserved: number | undefined
  /** Requests that went to a model. */
  calls: number
  model: Model | undefined
}

/**
 * What a run used and what of it is charged: never more than was reserved. Without the provider's own numbers they are estimated. A run
 * that failed or was interrupted before any content is free; a cancelled one pays for what was asked.
 */
export function usageOf(made: Made): Usage {
  const { ending, started, counts, isCountFinal, text, reasoningLength, sentTokens, reserved, calls, model } = made
  const free = calls === 0 || (!started && (ending === 'failed' || ending === 'interrupted'))
  const input = free ? 0 : (counts?.input ?? sentTokens)
  const estimate = Math.ceil((utf8Length(text) + reasoningLength) / 3)
  const counted = isCountFinal ? counts?.output : counts && Math.max(counts.output, estimate)
  const output = free ? 0 : (counted ?? estimate)
  return {
    input_tokens: input,
    cached_tokens: free ? 0 : (counts?.cached ?? 0),
    output_tokens: output,
    reasoning_tokens: free ? 0 : (counts?.reasoning ?? 0),
    total_tokens: input + output,
    charged_tokens: Math.min(input + output, reserved ?? Number.POSITIVE_INFINITY),
    calls,
    cost_microusd: Math.round((input * (model?.price_in ?? 0) + output * (model?.price_out ?? 0)) / 1_000_000),
    estimated: !free && (counts === undefined || !isCountFinal),
  }
}

/** Of a run that never reached a model. */
export const NO_USAGE: Usage = usageOf({
  ending: 'failed',
  started: false,
  isCountFinal: false,
  text: '',
  reasoningLength: 0,
  sentTokens: 0,
  reserved: 0,
  calls: 0,
  model: undefined,
})
