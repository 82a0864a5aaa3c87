import { estimateTokens } from '../lib/token-estimate.ts'
import type { ChatMessage, ModelChunk, Provider } from './provider.ts'

/**
 * A model without a provider: deterministic, streamed token by token, and aware of the conversation, so that every
 * feature can be tried without a key. It says what it is, so nobody takes it for a real one.
 */
export const offlineProvider = (tokenMs: number): Provider => ({
  async open({ messages, maxOutputTokens }, signal) {
    return answer(messages, maxOutputTokens, tokenMs, signal)
  },
})

async function* answer(
  messages: ChatMessage[],
  maxTokens: number,
  tokenMs: number,
  signal: AbortSignal,
): AsyncGenerator<ModelChunk> {
  const tokens = compose(messages).match(/\s*\S+/g) ?? []
  for (const text of tokens.slice(0, maxTokens)) {
    if (tokenMs > 0) await new Promise((resolve) => setTimeout(resolve, tokenMs))
    if (signal.aborted) return
    yield { text }
  }
  yield { finish: tokens.length > maxTokens ? 'length' : 'stop' }
  const input = messages.reduce((sum, { content }) => sum + estimateTokens(content), 0)
  yield { usage: { input, cached: 0, output: Math.min(tokens.length, maxTokens), reasoning: 0 } }
}

const MAX_COUNT = 500

function compose(messages: ChatMessage[]): string {
  const said = messages.filter(({ role }) => role === 'user').map(({ content }) => content)
  const last = said.at(-1) ?? ''
  const upTo = /\bcount to (\d{1,4})\b/i.exec(last)?.[1]
  if (upTo) return Array.from({ length: Math.min(Number(upTo), MAX_COUNT) }, (_, at) => at + 1).join(' ')
  const before = said.slice(0, -1)
  const memory =
    before.length === 0
      ? 'This is the first thing you say here.'
      : `Before that you said: ${before.slice(-3).map(quote).join(', then ')}.`
  return [
    `You said: ${quote(last)}.`,
    memory,
    'I am the offline model of Parley: I think nothing, but I stream, count tokens and remember like a real one.',
    'Ask me to "count to 100" for a longer reply, or set OPENAI_API_KEY and talk to a model that thinks.',
  ].join(' ')
}

const quote = (text: string) => `"${text.length > 200 ? `${text.slice(0, 200).toWellFormed()}…` : text}"`
