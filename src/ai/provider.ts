import type { FinishReason } from '../lib/run-events.ts'

/** What a model asks a tool for. `arguments` is the JSON that it wrote, which may be none. */
export type ToolCall = { id: string; name: string; arguments: string }

/** An image in the file store. */
export type Picture = { mediaType: string; objectKey: string }

/** How closely a model looks at pictures, in OpenAI's words. */
export type Detail = 'auto' | 'low' | 'high'

/** Gives its bytes in base64; nothing when they cannot be read. */
export type ReadPicture = (picture: Picture) => Promise<string | undefined>

/** `callId` says which call a tool's text answers. */
export type ChatMessage =
  | { role: 'system'; content: string; verbatim?: Verbatim }
  | { role: 'user'; content: string; pictures?: Picture[]; verbatim?: Verbatim }
  | { role: 'assistant'; content: string; toolCalls?: ToolCall[]; verbatim?: Verbatim }
  | { role: 'tool'; content: string; callId: string; verbatim?: Verbatim }

/** A message as a client of OpenAI's API wrote it, which goes on as it is; `content` is then its text. */
export type Verbatim = Record<string, unknown> & { role: string }

/** `parameters` is a JSON Schema. */
export type Tool = { name: string; description: string; parameters: Record<string, unknown> }

/** One call of a model. `maxOutputTokens` is a hard limit that goes upstream. */
export type ModelRequest = {
  model: string
  messages: ChatMessage[]
  maxOutputTokens: number
  outputParam: 'max_tokens' | 'max_completion_tokens'
  detail: Detail
  /** With `none` the model must answer without them; they are named all the same, for the calls that it made before. */
  tools?: { offered: Tool[]; choice: 'auto' | 'none' }
  /** Further parameters of OpenAI's API, which go on as they are. Calls of tools among them are their sender's to answer. */
  options?: Record<string, unknown>
}

/** Whether it brings tools of its own. */
export const hasClientTools = ({ options }: Pick<ModelRequest, 'options'>): boolean =>
  Array.isArray(options?.tools) && options.tools.length > 0

/** Tokens as the provider counted them. */
export type TokenCounts = { input: number; cached: number; output: number; reasoning: number }

/**
 * A piece of an answer; an empty one says that something is on its way. Only an answer with a `finish` is complete, and
 * its calls of tools come with that. `called` is how much of such calls came, in characters.
 */
export type ModelChunk = {
  text?: string
  reasoning?: string
  toolCalls?: ToolCall[]
  called?: number
  finish?: FinishReason
  usage?: TokenCounts
}

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
  | 'upstream_refused'
  | 'upstream_rejected'
  | 'upstream_error'
  | 'upstream_timeout'
  | 'upstream_stalled'
  | 'upstream_garbled'
  | 'upstream_truncated'
  | 'context_too_long'
