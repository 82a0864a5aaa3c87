import type { Model } from '../../ai/models.ts'
import type { TokenCounts } from '../../ai/provider.ts'
import type { Usage } from '../../lib/run-events.ts'
import type { Ending } from './job.ts'

/** What one call of a model took. */
export type CallUse = {
  /** Estimate of what was sent, in tokens. */
  inputTokens: number
  /** Tokens that were held for it; unknown of runs of before there were quotas. */
  reserved?: number
  /** Length of what came: of the text in bytes, of everything else in characters. */
  made: number
  /** What the provider counted, and whether it did so at the end of its answer. */
  counts?: TokenCounts
  isFinal: boolean
}

type Made = {
  ending: Ending['status']
  /** Whether the model gave any content. */
  started: boolean
  uses: CallUse[]
  /** Tokens that may be charged at the most; unlimited for runs of before there were quotas. */
  reserved: number | undefined
  /** Requests that went to a model, with those that failed. */
  calls: number
  model: Model | undefined
}

/**
 * What a call made, in tokens: as the provider counted it, or an estimate, which a count of half an answer may not undercut.
 * Where a model thinks in secret, an answer that broke off may have used all that was held for it.
 */
export function outputOf({ inputTokens, reserved, made, counts, isFinal }: CallUse, model?: Model): number {
  if (counts && isFinal) return counts.output
  const secret = model?.hides_reasoning && reserved ? reserved - inputTokens : 0
  return Math.max(counts?.output ?? 0, Math.ceil(made / 3), secret)
}

/**
 * What a run used in all its calls, and what of it is charged: never more than was reserved. Without the provider's own
 * numbers they are estimated. A run that failed or was interrupted before any content is free; a cancelled one pays for
 * what was asked.
 */
export function usageOf({ ending, started, uses, reserved, calls, model }: Made): Usage {
  const free = calls === 0 || (!started && (ending === 'failed' || ending === 'interrupted'))
  const paid = free ? [] : uses
  const sum = (of: (use: CallUse) => number) => paid.reduce((total, use) => total + of(use), 0)
  const inputOf = (use: CallUse) => use.counts?.input ?? use.inputTokens
  const input = sum(inputOf)
  const made = (use: CallUse) => outputOf(use, model)
  const output = sum(made)
  const last = paid.at(-1)
  return {
    input_tokens: input,
    cached_tokens: sum(({ counts }) => counts?.cached ?? 0),
    output_tokens: output,
    reasoning_tokens: sum(({ counts }) => counts?.reasoning ?? 0),
    total_tokens: input + output,
    charged_tokens: Math.min(input + output, reserved ?? Number.POSITIVE_INFINITY),
    calls,
    ...(last && { last_call: { input_tokens: inputOf(last), output_tokens: made(last) } }),
    cost_microusd: Math.round((input * (model?.price_in ?? 0) + output * (model?.price_out ?? 0)) / 1_000_000),
    estimated: paid.some(({ counts, isFinal }) => counts === undefined || !isFinal),
  }
}

/** Of a run that never reached a model. */
export const NO_USAGE: Usage = usageOf({
  ending: 'failed',
  started: false,
  uses: [],
  reserved: 0,
  calls: 0,
  model: undefined,
})
