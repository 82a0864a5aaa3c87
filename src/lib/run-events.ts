import { z } from 'zod'
import { integer, made, text, url, uuid } from './wire-fields.ts'

/**
 * The canonical events of a run. The log stores them, every encoding derives from them, and the
 * OpenAPI document names them. `seq` counts from 1 without a gap; the terminal event is the last.
 */
const head = { run_id: uuid(), seq: integer(1, 1_000_000) }
const piece = { offset: integer(0, 262_144), delta: text(262_144) }

export const RunStatus = z.enum(['in_progress', 'completed', 'cancelled', 'failed', 'interrupted'])
export const FinishReason = z.enum(['stop', 'length', 'content_filter', 'tool_calls'])
export const CancelReason = z.enum(['user', 'superseded', 'client_gone', 'deleted', 'admin'])

/** How much of a file the model was sent: all that there is to show, the beginning, or only what it is called. */
export const ContextFile = z.strictObject({
  id: uuid(),
  filename: text(400),
  shown: z.enum(['included', 'cut', 'named']),
})

/**
 * What was sent to the model and what did not fit. Counts are messages, `tokens` the estimate of all that was sent. The
 * two about projects are missing in runs of before there were any, `files`, the newest fifty, where there are none.
 */
export const ContextReport = z.strictObject({
  sent: integer(0, 1_000_000),
  dropped: integer(0, 1_000_000),
  tokens: integer(0, 100_000_000),
  project_id: uuid().nullable().optional(),
  instruction_tokens: integer(0, 100_000).optional(),
  files: z.array(ContextFile).max(50).optional(),
})

/** Tokens that a run may be charged at the most, and whether that is less than was asked for. */
export const Reserved = z.strictObject({ tokens: integer(0, 100_000_000), clamped: z.boolean() })

export const Warning = z.strictObject({ code: made('a-z_', 64), detail: text(500) })

const tokens = integer(0, 100_000_000)
export const Usage = z.strictObject({
  input_tokens: tokens,
  cached_tokens: tokens,
  output_tokens: tokens,
  reasoning_tokens: tokens,
  total_tokens: tokens,
  charged_tokens: tokens,
  /** Calls of a model, with those that failed. */
  calls: integer(0, 100),
  /** Of the last one, which has read what the others found; missing in runs of before there were tools. */
  last_call: z.strictObject({ input_tokens: tokens, output_tokens: tokens }).optional(),
  cost_microusd: integer(0),
  estimated: z.boolean(),
})

/** `retry_after` is when it may be better, in seconds; missing where nobody knows, and in what is read from the store. */
export const RunFault = z.strictObject({
  code: made('a-z_', 64),
  message: text(500),
  retryable: z.boolean(),
  retry_after: integer(0, 3_600).optional(),
})

/** A page that a web search found and a reply may rest on. */
export const Source = z.strictObject({ title: text(500), url: url(2_048) })

/** The stored message inside `message.completed`; its wire schema lives with the messages. */
export type StoredMessage = Record<string, unknown> & { id: string; content: string; sources: Source[] }

export const RunCreatedEvent = z.strictObject({
  ...head,
  type: z.literal('run.created'),
  status: z.literal('in_progress'),
  conversation_id: uuid().nullable(),
  user_message_id: uuid().nullable(),
  message_id: uuid().nullable(),
  model: text(200),
  context: ContextReport,
  reserved: Reserved.nullable(),
  warnings: z.array(Warning).max(10),
  /** Whoever asked through OpenAI's API wanted the counts in the stream. */
  include_usage: z.literal(true).optional(),
})
export const ReasoningDeltaEvent = z.strictObject({
  ...head,
  type: z.literal('reasoning.delta'),
  ...piece,
})
export const MessageDeltaEvent = z.strictObject({
  ...head,
  type: z.literal('message.delta'),
  ...piece,
})
/** `arguments` is the JSON that the model wrote; `executor` is who answers the call. */
export const ToolCallEvent = z.strictObject({
  ...head,
  type: z.literal('tool.call'),
  call_id: text(200),
  name: text(64),
  arguments: text(262_144),
  executor: z.enum(['server', 'client']),
})
export const ToolResultEvent = z.strictObject({
  ...head,
  type: z.literal('tool.result'),
  call_id: text(200),
  ok: z.boolean(),
  summary: text(500),
  sources: z.array(Source).max(10),
})
/** The conversation has a title now. */
export const TitleEvent = z.strictObject({ ...head, type: z.literal('title'), title: text(120) })
export const UsageEvent = z.strictObject({ ...head, type: z.literal('usage'), ...Usage.shape })
export const MessageCompletedEvent = z.strictObject({
  ...head,
  type: z.literal('message.completed'),
  message: z.custom<StoredMessage>(),
})
const ending = { ...head, persisted: z.boolean() }
export const RunCompletedEvent = z.strictObject({
  ...ending,
  type: z.literal('run.completed'),
  status: z.literal('completed'),
  finish_reason: FinishReason,
})
export const RunCancelledEvent = z.strictObject({
  ...ending,
  type: z.literal('run.cancelled'),
  status: z.literal('cancelled'),
  cancel_reason: CancelReason,
})
export const RunFailedEvent = z.strictObject({
  ...ending,
  type: z.literal('run.failed'),
  status: z.literal('failed'),
  error: RunFault,
})
export const RunInterruptedEvent = z.strictObject({
  ...ending,
  type: z.literal('run.interrupted'),
  status: z.literal('interrupted'),
  error: RunFault,
})

export type RunStatus = z.infer<typeof RunStatus>
export type FinishReason = z.infer<typeof FinishReason>
export type CancelReason = z.infer<typeof CancelReason>
export type ContextFile = z.infer<typeof ContextFile>
export type ContextReport = z.infer<typeof ContextReport>
export type Reserved = z.infer<typeof Reserved>
export type Warning = z.infer<typeof Warning>
export type Source = z.infer<typeof Source>
export type Usage = z.infer<typeof Usage>
export type RunFault = z.infer<typeof RunFault>
export type RunCreatedEvent = z.infer<typeof RunCreatedEvent>

export type TerminalEvent =
  | z.infer<typeof RunCompletedEvent>
  | z.infer<typeof RunCancelledEvent>
  | z.infer<typeof RunFailedEvent>
  | z.infer<typeof RunInterruptedEvent>

export type RunEvent =
  | RunCreatedEvent
  | z.infer<typeof ReasoningDeltaEvent>
  | z.infer<typeof MessageDeltaEvent>
  | z.infer<typeof ToolCallEvent>
  | z.infer<typeof ToolResultEvent>
  | z.infer<typeof TitleEvent>
  | z.infer<typeof UsageEvent>
  | z.infer<typeof MessageCompletedEvent>
  | TerminalEvent

/** An event before the log has given it a place. */
export type NewRunEvent = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'run_id' | 'seq'> : never) : never
