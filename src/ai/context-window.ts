import type { ContextReport } from '../lib/run-events.ts'
import { estimateTokens } from '../lib/token-estimate.ts'
import type { Model } from './models.ts'
import type { ChatMessage } from './provider.ts'
import { extraTokens, fileTokens, picturesOf, reportOf, type ShownFile, withFiles } from './shown-files.ts'

/** What a new message leaves of a model's window. All in tokens, estimated; `room` is for everything else. */
export type Window = { output: number; message: number; tools: number; room: number }

/** What is said now. */
export type Saying = { content: string; files: ShownFile[] }

/**
 * Without `now` nothing new is said. `tools` is what those that are offered take. `room` is negative when the message
 * alone does not fit.
 */
export function windowFor(
  model: Model,
  now: Saying | undefined,
  wantedOutput = model.default_output,
  tools = 0,
): Window {
  const output = Math.min(wantedOutput, model.max_output)
  const message = now === undefined ? 0 : sayingTokens(now) + extraTokens(model, now.files)
  return { output, message, tools, room: model.context - output - message - tools }
}

/** What a message takes of a window, as it is stored with it. */
export const sayingTokens = ({ content, files }: Saying): number => estimateTokens(content) + fileTokens(files)

/** Messages of a branch, oldest first. `tokens` counts the files too. */
export type Said = Saying & { role: 'user' | 'assistant'; tokens: number }

/** The newest of them that fit into `room` tokens of a model, with what it counts for each. */
export function newestWithin(room: number, model: Model, said: Said[]): Said[] {
  let left = room
  const counted = said.map((message) => ({ ...message, tokens: message.tokens + extraTokens(model, message.files) }))
  const first = counted.findLastIndex(({ tokens }) => {
    left -= tokens
    return left < 0
  })
  return counted.slice(first + 1)
}

type Parts = {
  model: Model
  /** Texts of those who may instruct the model; always sent, before all else. */
  instructions: string[]
  /** What fits of the branch. */
  said: Said[]
  /** What is said now; without it the last of `said` is answered. */
  now: Saying | undefined
  /** What the tools that are offered take, described. */
  toolTokens?: number
  /** Messages of the branch, with the new one. */
  length: number
}

/**
 * What the model is sent, and the report of what that holds: `sent` and `dropped` add up to the length of the branch. An
 * empty reply, as a failed run leaves it, is covered but not sent: providers refuse it.
 */
export function promptOf({ model, instructions, said, now, toolTokens = 0, length }: Parts) {
  const system = instructions.join('\n\n')
  const saidNow = now
    ? [{ ...now, role: 'user' as const, tokens: sayingTokens(now) + extraTokens(model, now.files) }]
    : []
  const sent = [...said, ...saidNow]
  const files = sent.flatMap((message) => message.files)
  const pictures = picturesOf(files, model.vision)
  const unsent = new Map(pictures)
  /** A picture goes with the newest message that has it. */
  const take = ({ id }: ShownFile) => {
    const picture = unsent.get(id)
    unsent.delete(id)
    return picture ?? []
  }
  const messages: ChatMessage[] = [
    ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
    ...sent
      .filter((message) => message.content !== '' || message.files.length > 0)
      .toReversed()
      .map(({ role, ...message }) => {
        if (role === 'assistant') return { role, content: message.content }
        const shown = message.files.flatMap(take)
        return {
          role,
          content: withFiles(message.content, message.files),
          ...(shown.length > 0 && { pictures: shown }),
        }
      })
      .toReversed(),
  ]
  const tokens = sent.reduce((sum, message) => sum + message.tokens, instructionTokens(instructions) + toolTokens)
  const report: ContextReport = {
    sent: sent.length,
    dropped: length - sent.length,
    tokens,
    ...(files.length > 0 && { files: reportOf(files, pictures) }),
  }
  return { messages, context: report }
}

/** What instructions take of a window, in tokens, estimated. */
export const instructionTokens = (instructions: string[]): number =>
  instructions.reduce((sum, text) => sum + estimateTokens(text), 0)
