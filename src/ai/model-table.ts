import { z } from 'zod'
import { TIERS } from '../lib/tiers.ts'

/** What OpenAI's models count for a picture at the most, unless they say another number. */
export const PICTURE_TOKENS = 1_445

/** What a model is where the table does not say. */
export const MODEL_DEFAULTS = {
  provider: 'openai',
  tier: 'basic',
  output_param: 'max_tokens',
  vision: false,
  picture_detail: 'auto',
  picture_tokens: PICTURE_TOKENS,
  tools: false,
  price_in: 0,
  price_out: 0,
  hides_reasoning: false,
} as const

/** A function, as few set `MODELS`, and a schema takes time to make. */
const makeModel = () =>
  z.strictObject({
    id: z.string().min(1).max(200),
    /** Name at the provider. */
    upstream: z.string().min(1).max(200).optional(),
    provider: z.enum(['openai', 'offline']).default(MODEL_DEFAULTS.provider),
    tier: z.enum(TIERS).default(MODEL_DEFAULTS.tier),
    /** Context window, in tokens. */
    context: z.int().min(256).max(10_000_000),
    max_output: z.int().min(16).max(1_000_000),
    default_output: z.int().min(16).max(1_000_000),
    /** Newer OpenAI models refuse `max_tokens`, most other servers know nothing else. */
    output_param: z.enum(['max_tokens', 'max_completion_tokens']).default(MODEL_DEFAULTS.output_param),
    /** Whether it sees pictures. */
    vision: z.boolean().default(MODEL_DEFAULTS.vision),
    /** How closely it looks, in OpenAI's words, and what it counts for a picture then, at the most. */
    picture_detail: z.enum(['auto', 'low', 'high']).default(MODEL_DEFAULTS.picture_detail),
    picture_tokens: z.int().min(0).max(1_000_000).default(MODEL_DEFAULTS.picture_tokens),
    /** Whether it can call tools. */
    tools: z.boolean().default(MODEL_DEFAULTS.tools),
    idle_ms: z.int().min(1_000).max(600_000).optional(),
    /** Prices in micro-dollars per million tokens. */
    price_in: z.int().min(0).default(MODEL_DEFAULTS.price_in),
    price_out: z.int().min(0).default(MODEL_DEFAULTS.price_out),
    /** It thinks without saying so: what an answer that broke off took is known to its provider alone. */
    hides_reasoning: z.boolean().default(MODEL_DEFAULTS.hides_reasoning),
    fallback: z.string().max(200).optional(),
  })

/** A model that clients can ask for (docs/runs.md). */
export type Model = z.infer<ReturnType<typeof makeModel>>

/** The table of models that `MODELS` has as JSON; `undefined` when it is none. */
export function parseTable(text: string): Model[] | undefined {
  try {
    const models = z.array(makeModel()).min(1).max(50).parse(JSON.parse(text))
    const ids = new Set(models.map(({ id }) => id))
    return models.every(({ fallback }) => fallback === undefined || ids.has(fallback)) ? models : undefined
  } catch {
    return undefined
  }
}
