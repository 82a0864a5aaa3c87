import type { ContextReport } from '../lib/run-events.ts'
import { estimateTokens } from '../lib/token-estimate.ts'
import type { Model } from './models.ts'
import type { ChatMessage } from './provider.ts'

/** What a new message leaves of a model's window. All in tokens, estimated; `room` is for what was said before. */
export type Window = { output: number; message: number; room: number }

/** `room` is negative when the message alone does not fit. */
export function windowFor(model: Model, content: string, wantedOutput = model.default_output): Window {
  const output = Math.min(wantedOutput, model.max_output)
  const message = estimateTokens(content)
  return { output, message, room: model.context - output - message }
}

/** Messages of a branch that fit, oldest first. */
export type Said = { role: 'user' | 'assistant'; content: string; tokens: number }

/**
 * The prompt of a new message at `depth` of its branch, and the report of what it holds: `sent` and `dropped` add up to
 * the length of the branch. An empty reply, as a failed run leaves it, is covered but not sent: providers refuse it.
 */
export function promptOf(said: Said[], content: string, depth: number, window: Window) {
  const before: ChatMessage[] = said
    .filter((message) => message.content !== '')
    .map((message) => ({ role: message.role, content: message.content }))
  const context: ContextReport = {
    sent: said.length + 1,
    dropped: depth - said.length - 1,
    tokens: said.reduce((sum, { tokens }) => sum + tokens, window.message),
  }
  return { messages: [...before, { role: 'user' as const, content }], context }
}
