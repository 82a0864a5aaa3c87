import type { ContextReport } from '../lib/run-events.ts'
import { estimateTokens } from '../lib/token-estimate.ts'
import type { Model } from './models.ts'
import type { ChatMessage } from './provider.ts'

/** What a new message leaves of a model's window. All in tokens, estimated; `room` is for everything else. */
export type Window = { output: number; message: number; tools: number; room: number }

/**
 * Without `content` nothing new is said. `tools` is what those that are offered take. `room` is negative when the message
 * alone does not fit.
 */
export function windowFor(
  model: Model,
  content: string | undefined,
  wantedOutput = model.default_output,
  tools = 0,
): Window {
  const output = Math.min(wantedOutput, model.max_output)
  const message = content === undefined ? 0 : estimateTokens(content)
  return { output, message, tools, room: model.context - output - message - tools }
}

/** Messages of a branch that fit, oldest first. */
export type Said = { role: 'user' | 'assistant'; content: string; tokens: number }

type Parts = {
  /** Texts of those who may instruct the model; always sent, before all else. */
  instructions: string[]
  said: Said[]
  /** What is said now; without it the last of `said` is answered. */
  content: string | undefined
  /** What the tools that are offered take, described. */
  toolTokens?: number
  /** Messages of the branch, with the new one. */
  length: number
}

/**
 * What the model is sent, and the report of what that holds: `sent` and `dropped` add up to the length of the branch. An
 * empty reply, as a failed run leaves it, is covered but not sent: providers refuse it.
 */
export function promptOf({ instructions, said, content, toolTokens = 0, length }: Parts) {
  const system = instructions.join('\n\n')
  const messages: ChatMessage[] = [
    ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
    ...said.filter((message) => message.content !== '').map(({ role, content }) => ({ role, content })),
    ...(content === undefined ? [] : [{ role: 'user' as const, content }]),
  ]
  const sent = said.length + (content === undefined ? 0 : 1)
  const saidNow = content === undefined ? 0 : estimateTokens(content)
  const tokens = said.reduce((sum, { tokens }) => sum + tokens, saidNow + instructionTokens(instructions) + toolTokens)
  return { messages, context: { sent, dropped: length - sent, tokens } satisfies ContextReport }
}

/** What instructions take of a window, in tokens, estimated. */
export const instructionTokens = (instructions: string[]): number =>
  instructions.reduce((sum, text) => sum + estimateTokens(text), 0)
