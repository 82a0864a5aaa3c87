import type { FinishReason } from '../lib/run-events.ts'

export type ChatMessage = { role: 'system' | 'user' | 'assistant'; content: string }

/** One call of a model. `maxOutputTokens` is a hard limit that goes upstream. */
export type ModelRequest = {
  model: string
  messages: ChatMessage[]
  maxOutputTokens: number
  outputParam: 'max_tokens' | 'max_completion_tokens'
}

/** Tokens as the provider counted them. */
export type TokenCounts = { input: number; cached: number; output: number; reasoning: number }

/** A piece of an answer. Only an answer with a `finish` is complete. */
export type ModelChunk = { text?: string; reasoning?: string; finish?: FinishReason; usage?: TokenCounts }

/** Resolves when the upstream has begun to answer; aborting `signal` ends the call. Faults are `UpstreamFault`s. */
export interface Provider {
  open(request: ModelRequest, signal: AbortSignal): Promise<AsyncIterable<ModelChunk>>
}

/** Why a call of a model failed, as docs/runs.md sorts it. Provider texts are not in it: they go to no client. */
export class UpstreamFault extends Error {
  readonly code: UpstreamCode
  /** Whether another try may help: at the same model, only at its fallback, or nowhere. */
  readonly retry: 'same' | 'fallback' | 'never'
  readonly retryAfterMs: number | undefined

  constructor(code: UpstreamCode, retry: UpstreamFault['retry'], retryAfterMs?: number, options?: ErrorOptions) {
    super(code, options)
    this.name = 'UpstreamFault'
    this.code = code
    this.retry = retry
    this.retryAfterMs = retryAfterMs
  }
}

export type UpstreamCode =
  | 'upstream_auth'
  | 'upstream_busy'
  | 'upstream_rejected'
  | 'upstream_error'
  | 'upstream_timeout'
  | 'upstream_stalled'
  | 'upstream_garbled'
  | 'upstream_truncated'
  | 'context_too_long'
