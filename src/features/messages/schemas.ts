import { z } from '@hono/zod-openapi'
import { MAX_SIBLINGS } from '../../db/message-place.ts'
import { id, maybeId, modelName, modelText, moment } from '../../http/fields.ts'
import { FILLED, integer, text, uuid } from '../../lib/wire-fields.ts'
import { Attachment } from '../files/schemas.ts'
import { ContextReport, OnConflict, RunFault, RunStatus, Source, Usage, Warning } from '../runs/schemas/run.ts'

export const Feedback = z
  .strictObject({
    rating: z.enum(['up', 'down']),
    comment: text(2_000)
      .nullable()
      .default(null)
      .openapi({ example: 'The second step is wrong', description: 'What was good or bad about it' }),
  })
  .openapi('Feedback')

export const Message = z
  .strictObject({
    id,
    conversation_id: id,
    parent_id: maybeId,
    run_id: maybeId,
    role: z.enum(['user', 'assistant']),
    content: modelText,
    status: RunStatus,
    model: modelName.nullable(),
    created_at: moment,
    timestamp: moment.openapi({ description: 'Equals `created_at`' }),
    attachments: z.array(Attachment).max(10),
    context: z.union([ContextReport, z.null()]),
    usage: z.union([Usage, z.null()]),
    error: z.union([RunFault, z.null()]),
    sources: z.array(Source).max(100),
    warnings: z.array(Warning).max(10),
    feedback: z.union([Feedback, z.null()]),
    siblings: integer(1, MAX_SIBLINGS).optional().openapi({
      example: 1,
      description:
        'In a conversation, and in lists that are asked for it: how many messages stand here, this one among them, 100 at most',
    }),
  })
  .openapi('Message')
export type Message = z.infer<typeof Message>
export type Feedback = z.infer<typeof Feedback>

const content = text(32_000)
  // Blanks alone are nothing said.
  .overwrite((text) => (text.trim() === '' ? '' : text))
  .openapi({ example: 'Hello, how can you help me?' })
const EMPTY = 'Must not be empty'
const words = content.refine((text) => text !== '', EMPTY).openapi({ minLength: 1, pattern: FILLED.pattern })
const isSaying = (content: string, files: string[]) => content !== '' || files.length > 0

const files = z
  .array(text(64))
  .max(10)
  .refine((ids) => new Set(ids).size === ids.length, 'The same file twice')
  .default([])
  .openapi({ uniqueItems: true, description: 'Ids of uploaded files. With one, nothing need be said' })

/** How a reply is to be made, wherever it is asked for. */
const settings = {
  model: text(200).min(1).optional().openapi({ example: 'parley-offline' }),
  internet_enabled: z.boolean().default(false).openapi({
    description: 'The model may search the web; `warnings` say when it cannot',
  }),
  on_disconnect: z.enum(['continue', 'cancel']).default('continue').openapi({
    description: '`cancel` ends the reply shortly after the last watcher has left',
  }),
  truncation: z.enum(['auto', 'refuse']).default('auto').openapi({
    description: '`refuse` answers 422 instead of leaving old messages out of the context',
  }),
  on_conflict: OnConflict.default('reject').openapi({
    description:
      'While another reply is being written here: `reject` answers 409, `queue` waits for its end, `interrupt` ends it',
  }),
  max_output_tokens: integer(16, 1_000_000).optional().openapi({ example: 1024 }),
}

export type ReplySettings = z.infer<z.ZodObject<typeof settings>>

const stream = z.boolean().default(false).openapi({ description: 'Like `Accept: text/event-stream`' })

const ofReply = { ...settings, stream }
const REPLY_FIELDS = Object.keys(ofReply) as (keyof typeof ofReply)[]
const isDefault = (name: keyof typeof ofReply, value: unknown) => ofReply[name].parse(undefined) === value

export const NewMessage = z
  .strictObject({
    content,
    files,
    parent_id: uuid().optional().openapi({
      description: 'The message of this conversation that it follows; without it the last one of the active branch',
    }),
    reply: z.boolean().default(true).openapi({ description: '`false` stores it and asks no model' }),
    ...settings,
    stream,
  })
  .superRefine(({ reply, content, files, ...given }, { addIssue }) => {
    if (!isSaying(content, files)) addIssue({ code: 'custom', path: ['content'], message: EMPTY })
    if (reply) return
    const idle = REPLY_FIELDS.filter((name) => !isDefault(name, given[name]))
    for (const name of idle)
      addIssue({ code: 'custom', path: [name], message: 'It is for a reply, and none is asked for' })
  })
  .openapi('NewMessage')

export const RegenerateRequest = z.strictObject({ ...settings, stream }).openapi('RegenerateRequest')

export const MessageChanges = z
  .strictObject({ content: words.optional(), feedback: z.union([Feedback, z.null()]).optional() })
  .refine(({ content, feedback }) => (content === undefined) !== (feedback === undefined), {
    message: 'Either content or feedback',
  })
  .openapi('MessageChanges', { minProperties: 1, maxProperties: 1 })

export const ChatRequest = z
  .strictObject({
    message: content,
    files,
    chat_id: uuid().optional().openapi({ description: 'Without it a new conversation is made' }),
    ...settings,
  })
  .refine(({ message, files }) => isSaying(message, files), { message: EMPTY, path: ['message'] })
  .openapi('ChatRequest')

export const ChatAnswer = z
  .strictObject({ response: modelText, chat_id: id, message_id: id, run_id: id })
  .openapi('ChatAnswer')
