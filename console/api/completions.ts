import { authorizedFetch } from './client.ts'
import { eventsOf } from './event-stream.ts'
import { Problem } from './problem.ts'

/** What was said in a conversation that only its client keeps. */
export type Turn = { role: 'user' | 'assistant'; content: string }
export type TokenUsage = { prompt_tokens: number; completion_tokens: number }
type Failure = { message: string; code: string; request_id: string }
type Chunk = { choices: { delta: { content?: string | null } }[]; usage?: TokenUsage | null; error?: Failure }

/**
 * The pieces of a model's answer, by the API that any client of OpenAI uses (docs/gateway.md), and at its end what it took. Ends
 * quietly when `signal` aborts. @throws Problem when it is refused or breaks off, TypeError when the server cannot be reached
 */
export async function* complete(
  model: string,
  messages: Turn[],
  signal: AbortSignal,
): AsyncGenerator<{ text: string } | { usage: TokenUsage }> {
  const body = JSON.stringify({ model, messages, stream: true, stream_options: { include_usage: true } })
  const headers = { 'content-type': 'application/json' }
  try {
    const request = new Request('/v1/chat/completions', { method: 'POST', headers, body, signal })
    const response = await authorizedFetch(request)
    if (!response.ok || !response.body) throw await refusalOf(response)
    for await (const { data } of eventsOf(response.body)) {
      if (data === '[DONE]') return
      const { choices, usage, error } = JSON.parse(data) as Chunk
      if (error) throw toProblem(response.status, error)
      const text = choices[0]?.delta.content
      if (text) yield { text }
      if (usage) yield { usage }
    }
    throw new Problem(response.status, { detail: 'The answer broke off. Try again.' })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function refusalOf(response: Response): Promise<Problem> {
  const body: { error?: Failure } | undefined = await response.json().catch(() => undefined)
  return toProblem(response.status, body?.error, Number(response.headers.get('retry-after')) || undefined)
}

const toProblem = (status: number, error: Failure | undefined, retryAfterS?: number) =>
  new Problem(status, error ? { ...error, detail: error.message } : {}, retryAfterS)
