import type { Schemas } from '../../api/client.ts'
import type { ReplyEvent } from '../../api/replies.ts'

export type Message = Schemas['Message']

/** A search, or another call of a tool, and how it went. */
export type ToolCall = {
  id: string
  name: string
  /** What was searched for, else the arguments as the model wrote them. */
  words: string
  result?: { ok: boolean; summary: string; sources: Schemas['Source'][] }
}

/** A reply as far as its run has told of it. */
export type Reply = {
  runId?: string
  text: string
  reasoning: string
  calls: ToolCall[]
  warnings: Schemas['Warning'][]
  usage?: Schemas['Usage']
  end?: { status: Schemas['RunStatus']; error?: Schemas['RunFault']; message?: Message }
}

export const NOTHING_YET: Reply = { text: '', reasoning: '', calls: [], warnings: [] }

/** The reply after one more event. */
export function told(reply: Reply, event: ReplyEvent): Reply {
  switch (event.type) {
    case 'run.created':
      return { ...reply, runId: event.run_id, warnings: event.warnings }
    case 'run.reset':
      return { ...NOTHING_YET, runId: event.run_id, warnings: reply.warnings }
    case 'reasoning.delta':
      return { ...reply, reasoning: reply.reasoning + event.delta }
    case 'message.delta':
      return { ...reply, text: reply.text + event.delta }
    case 'tool.call':
      return {
        ...reply,
        calls: [...reply.calls, { id: event.call_id, name: event.name, words: wordsOf(event.arguments) }],
      }
    case 'tool.result': {
      const { call_id, ok, summary, sources } = event
      const calls = reply.calls.map((call) =>
        call.id === call_id ? { ...call, result: { ok, summary, sources } } : call,
      )
      return { ...reply, calls }
    }
    case 'usage':
      return { ...reply, usage: event }
    case 'message.completed':
      return { ...reply, end: { status: 'completed', message: event.message } }
    case 'run.completed':
      return { ...reply, end: { ...reply.end, status: 'completed' } }
    case 'run.cancelled':
      return { ...reply, end: { status: 'cancelled' } }
    case 'run.failed':
    case 'run.interrupted':
      return { ...reply, end: { status: event.status, error: event.error } }
    default:
      return reply
  }
}

function wordsOf(json: string): string {
  try {
    const { query } = JSON.parse(json)
    return typeof query === 'string' ? query : json
  } catch {
    return json
  }
}

/** The message that a reply has become, without reading it back. */
export function messageOf(placeholder: Message, { text, calls, warnings, usage, end }: Reply): Message {
  const stored = end?.message ?? { ...placeholder, content: text, warnings, usage: usage ?? null }
  const sources = calls.flatMap(({ result }) => result?.sources ?? [])
  return {
    ...stored,
    status: end?.status ?? 'in_progress',
    error: end?.error ?? stored.error,
    sources: stored.sources.length > 0 ? stored.sources : sources,
    siblings: placeholder.siblings,
  }
}
