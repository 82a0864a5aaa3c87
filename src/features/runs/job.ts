import type { ChatMessage } from '../../ai/provider.ts'
import type { Target } from '../../ai/targets.ts'
import type { Attempt, RUN_KINDS } from '../../db/schema/index.ts'
import type {
  CancelReason,
  ContextReport,
  FinishReason,
  NewRunEvent,
  Reserved,
  RunFault,
  Source,
  Usage,
  Warning,
} from '../../lib/run-events.ts'
import type { KeyCap } from '../plans/service/quota.ts'
import { toStoredMessage } from './wire/events.ts'

/** What identifies a run and is needed to end it; a Runner keeps it. Times are Unix milliseconds. */
export type RunRef = {
  id: string
  /** Name of the Durable Object that owns it; null when the Worker that was asked does. */
  runner: string | null
  kind: (typeof RUN_KINDS)[number]
  userId: string
  /** Through which API key and chatbot; a key with a cap of its own counts against that besides. */
  apiKeyId?: string
  keyCap?: KeyCap
  chatbotId?: string
  chatbotVersion?: number
  /** Of an answer in a channel: where, and to which call. */
  channelId?: string
  triggerKey?: string
  /** Null outside of conversations. */
  conversationId: string | null
  /** Both are null for a run that writes no message. */
  userMessageId: string | null
  messageId: string | null
  model: string
  context: ContextReport
  /** For the first call of a model. */
  reserved: Reserved | null
  /** Further calls, in tokens: what each is sent, estimated, and what is reserved for it. */
  further?: { input: number; reserved: number }[]
  warnings: Warning[]
  /** How long its events are kept after its end, where that is longer than usual; in milliseconds. */
  keptMs?: number
  /** A stream of OpenAI's chunks has the counts, unless somebody asks for it without. */
  includeUsage?: boolean
  createdAt: number
}

/** A run that writes a message. */
export type ReplyRef = RunRef & { runner: string; conversationId: string; userMessageId: string; messageId: string }

/** What the Worker hands to a Runner. The prompt is not stored: nothing is generated a second time by itself. */
export type Job = {
  run: RunRef
  messages: ChatMessage[]
  /** Whether the model is offered the web search. */
  searches: boolean
  maxOutputTokens: number
  /** Without watchers for so long, in milliseconds, it is cancelled; missing when it goes on. */
  desertedMs?: number
  /** Who is asked, in this order; missing for the model of the run and its fallback. */
  targets?: Target[]
  /** Parameters that go on as they are (`ModelRequest`). */
  options?: Record<string, unknown>
  tellsRejections?: boolean
  /** What the conversation is called until a model says better, and the words to name it by; missing when it has a title. */
  naming?: { title: string; words: string }
}

/** How a run ended. */
export type Ending =
  | { status: 'completed'; finishReason: FinishReason }
  | { status: 'cancelled'; cancelReason: CancelReason }
  | { status: 'failed' | 'interrupted'; error: RunFault }

/** What a run has made by its end. */
export type Result = { ending: Ending; text: string; sources: Source[]; usage: Usage; attempts: Attempt[] }

/** A result with its place: `lastSeq` is the number of the terminal event. */
export type Outcome = Result & { lastSeq: number; endedAt: number }

/** The Runner of a conversation: one for all its runs, since a new object costs more than a warm one. */
export const runnerOfConversation = (conversationId: string) => `c:${conversationId}`

/** The first event of every run. */
export const createdEvent = (run: RunRef): NewRunEvent => ({
  type: 'run.created',
  status: 'in_progress',
  conversation_id: run.conversationId,
  user_message_id: run.userMessageId,
  message_id: run.messageId,
  model: run.model,
  context: run.context,
  reserved: run.reserved,
  warnings: run.warnings,
  ...(run.includeUsage && { include_usage: true as const }),
})

/** The last events of a run; how many there are depends on its kind and ending alone. `persisted`: D1 has heard of it. */
export function closingEvents(
  run: RunRef,
  { ending, text, sources, usage }: Result,
  persisted: boolean,
): NewRunEvent[] {
  const isStored = ending.status === 'completed' && run.messageId !== null
  return [
    { type: 'usage', ...usage },
    ...(isStored ? [{ type: 'message.completed' as const, message: toStoredMessage(run, text, sources, usage) }] : []),
    terminalEvent(ending, persisted),
  ]
}

/** All events of a run whose text came at once. */
export const eventsOf = (run: RunRef, result: Result): NewRunEvent[] => [
  createdEvent(run),
  ...(result.text ? [{ type: 'message.delta' as const, offset: 0, delta: result.text }] : []),
  ...closingEvents(run, result, true),
]

function terminalEvent(ending: Ending, persisted: boolean): NewRunEvent {
  switch (ending.status) {
    case 'completed':
      return { type: 'run.completed', status: 'completed', finish_reason: ending.finishReason, persisted }
    case 'cancelled':
      return { type: 'run.cancelled', status: 'cancelled', cancel_reason: ending.cancelReason, persisted }
    case 'failed':
      return { type: 'run.failed', status: 'failed', error: ending.error, persisted }
    case 'interrupted':
      return { type: 'run.interrupted', status: 'interrupted', error: ending.error, persisted }
  }
}
