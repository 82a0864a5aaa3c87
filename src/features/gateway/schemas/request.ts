import { z } from '@hono/zod-openapi'
import { integer, text } from '../../../lib/wire-fields.ts'

/** What a client of OpenAI's API asks for. Types and sizes are checked here; what is only passed on is not understood. */

const MAX_TEXT = 4_000_000
const words = text(MAX_TEXT)
const name = text(64).min(1)
const number = (min: number, max: number) => z.number().min(min).max(max).nullable().optional()

const TextPart = z.strictObject({ type: z.literal('text'), text: words }).openapi('ChatTextPart')
const ImagePart = z
  .strictObject({
    type: z.literal('image_url'),
    image_url: z.object({
      url: text(8_000_000).regex(
        /^(https:\/\/|data:image\/(png|jpeg|gif|webp);base64,)/,
        'Give an https URL, or a data URL of a picture',
      ),
      detail: z.enum(['auto', 'low', 'high']).optional(),
    }),
  })
  .openapi('ChatImagePart')

const texts = z.union([words, z.array(TextPart).min(1).max(2_048)])
const ToolCall = z.object({
  id: text(200).min(1),
  type: z.literal('function'),
  function: z.object({ name, arguments: text(262_144) }),
})

/** Fields that clients hand back as they got them, and that say nothing to a model, are left out. */
export const ChatMessage = z
  .discriminatedUnion('role', [
    z.object({ role: z.enum(['system', 'developer']), content: texts, name: name.optional() }),
    z.object({
      role: z.literal('user'),
      content: z.union([
        words,
        z
          .array(z.discriminatedUnion('type', [TextPart, ImagePart]))
          .min(1)
          .max(2_048),
      ]),
      name: name.optional(),
    }),
    z.object({
      role: z.literal('assistant'),
      content: texts.nullable().optional(),
      name: name.optional(),
      tool_calls: z.array(ToolCall).max(128).optional(),
    }),
    z.object({ role: z.literal('tool'), content: texts, tool_call_id: text(200).min(1) }),
  ])
  .openapi('ChatCompletionMessage')
export type ChatMessage = z.infer<typeof ChatMessage>

const JsonObject = z.record(text(200), z.unknown())

const ToolDefinition = z
  .strictObject({
    type: z.literal('function'),
    function: z.object({
      name: name.regex(/^[\w-]+$/),
      description: text(16_000).optional(),
      parameters: JsonObject.optional(),
      strict: z.boolean().nullable().optional(),
    }),
  })
  .openapi('ChatTool')

const ResponseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['text', 'json_object']) }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name,
      description: text(16_000).optional(),
      schema: JsonObject.optional(),
      strict: z.boolean().nullable().optional(),
    }),
  }),
])

/** What goes on as it is. */
const PASSED_ON = {
  temperature: number(0, 2),
  top_p: number(0, 1),
  stop: z
    .union([text(1_000), z.array(text(1_000)).max(16)])
    .nullable()
    .optional(),
  seed: integer(Number.MIN_SAFE_INTEGER).nullable().optional(),
  presence_penalty: number(-2, 2),
  frequency_penalty: number(-2, 2),
  logit_bias: z.record(text(20), z.number().min(-100).max(100)).nullable().optional(),
  response_format: ResponseFormat.optional(),
  reasoning_effort: text(20).nullable().optional(),
  verbosity: text(20).nullable().optional(),
  tools: z.array(ToolDefinition).max(128).optional(),
  tool_choice: z
    .union([
      z.enum(['none', 'auto', 'required']),
      z.object({ type: z.literal('function'), function: z.object({ name }) }),
    ])
    .optional(),
  parallel_tool_calls: z.boolean().optional(),
}

/** What clients of OpenAI send and nothing here depends on. */
const IGNORED = {
  service_tier: text(64).nullable().optional(),
  prompt_cache_key: text(512).nullable().optional(),
  prompt_cache_retention: text(64).nullable().optional(),
  safety_identifier: text(512).nullable().optional(),
}

const outputTokens = integer(1, 1_000_000).nullable().optional()

export const ChatCompletionRequest = z
  .strictObject({
    model: text(200).min(1).openapi({ example: 'default' }),
    messages: z.array(ChatMessage).min(1).max(2_048),
    stream: z.boolean().nullable().optional(),
    stream_options: z.object({ include_usage: z.boolean().optional() }).nullable().optional(),
    max_tokens: outputTokens,
    max_completion_tokens: outputTokens,
    n: z.literal(1, 'One answer at a time').nullable().optional(),
    logprobs: z.literal(false, 'Not supported').nullable().optional(),
    modalities: z.array(z.literal('text', 'Only text')).max(1).nullable().optional(),
    user: text(512).nullable().optional(),
    metadata: z.record(text(64), text(512)).nullable().optional(),
    store: z.boolean().nullable().optional().openapi({
      description:
        '`true`: it goes on when you leave, and can be read for a day. `false`: the short way, which cannot be resumed',
    }),
    ...PASSED_ON,
    ...IGNORED,
  })
  .openapi('ChatCompletionRequest')
export type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>

/** The parameters that go on, and only those that were given. */
export const passedOn = (request: ChatCompletionRequest): Record<string, unknown> =>
  Object.fromEntries(
    Object.keys(PASSED_ON).flatMap((key) => {
      const value = request[key as keyof typeof PASSED_ON]
      return value === undefined || value === null ? [] : [[key, value]]
    }),
  )
