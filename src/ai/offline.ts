import { z } from 'zod'
import { estimateTokens } from '../lib/token-estimate.ts'
import type { ChatMessage, ModelChunk, ModelRequest, Provider, TokenCounts } from './provider.ts'

/**
 * A model without a provider: deterministic, streamed token by token, and aware of the conversation, so that every
 * feature can be tried without a key. It says what it is, so nobody takes it for a real one.
 */
export const offlineProvider = (tokenMs: number): Provider => ({
  async open(request, signal) {
    const query = queryOf(request)
    return query === undefined ? answer(request, tokenMs, signal) : call(request, query)
  },
})

async function* answer(
  { messages, maxOutputTokens: maxTokens }: ModelRequest,
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
  yield { usage: countsOf(messages, Math.min(tokens.length, maxTokens)) }
}

/** Calls the tool that it is offered; it knows no more of it than that it searches. */
async function* call({ messages, tools }: ModelRequest, query: string): AsyncGenerator<ModelChunk> {
  const toolCall = { id: '', name: tools!.offered[0]!.name, arguments: JSON.stringify({ query }) }
  yield { toolCalls: [toolCall], finish: 'tool_calls' }
  yield { usage: countsOf(messages, estimateTokens(toolCall.arguments)) }
}

const countsOf = (messages: ChatMessage[], output: number): TokenCounts => ({
  input: messages.reduce((sum, { content }) => sum + estimateTokens(content), 0),
  cached: 0,
  output,
  reasoning: 0,
})

/** What to search for, when it was just told to search and may. */
function queryOf({ messages, tools }: ModelRequest): string | undefined {
  const last = messages.at(-1)
  if (tools?.choice !== 'auto' || last?.role !== 'user') return undefined
  const [, query = ''] = /\bsearch the web for\s+(.{1,300})/iu.exec(last.content) ?? []
  return query.trim() === '' ? undefined : query.trim()
}

const MAX_COUNT = 500

function compose(messages: ChatMessage[]): string {
  const told = messages.slice(messages.findLastIndex(({ role }) => role === 'user') + 1)
  const found = told.filter(({ role }) => role === 'tool')
  if (found.length > 0) return found.map(({ content }) => report(content)).join('\n')
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

/** What a search gave, as it gave it; of a client's tool only that it gave something. */
function report(text: string): string {
  const { results, error } = Given.safeParse(text).data ?? {}
  if (error !== undefined) return `The search gave nothing: ${error}.`
  if (!results) return `The tool gave: ${quote(text)}.`
  const lines = results.map(({ title, url }, at) => `${at + 1}. ${quote(title)}: ${url}`)
  return ['I am the offline model of Parley and judge nothing. The search gave:', ...lines].join('\n')
}

const Given = z
  .string()
  .transform((text, issues) => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      issues.addIssue('no JSON')
    }
  })
  .pipe(z.object({ results: z.array(z.object({ title: z.string(), url: z.string() })), error: z.string() }).partial())

const quote = (text: string) => `"${text.length > 200 ? `${text.slice(0, 200).toWellFormed()}…` : text}"`
