import { z } from 'zod'
import { TIERS } from '../lib/tiers.ts'

/** What OpenAI's models count for a picture at the most, unless they say another number. */
export const PICTURE_TOKENS = 1_445

const Model = z.strictObject({
  id: z.string().min(1).max(200),
  /** Name at the provider. */
  upstream: z.string().min(1).max(200).optional(),
  provider: z.enum(['openai', 'offline']).default('openai'),
  tier: z.enum(TIERS).default('basic'),
  /** Context window, in tokens. */
  context: z.int().min(256).max(10_000_000),
  max_output: z.int().min(16).max(1_000_000),
  default_output: z.int().min(16).max(1_000_000),
  /** Newer OpenAI models refuse `max_tokens`, most other servers know nothing else. */
  output_param: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
  /** Whether it sees pictures. */
  vision: z.boolean().default(false),
  /** How closely it looks, in OpenAI's words, and what it counts for a picture then, at the most. */
  picture_detail: z.enum(['auto', 'low', 'high']).default('auto'),
  picture_tokens: z.int().min(0).max(1_000_000).default(PICTURE_TOKENS),
  /** Whether it can call tools. */
  tools: z.boolean().default(false),
  idle_ms: z.int().min(1_000).max(600_000).optional(),
  /** Prices in micro-dollars per million tokens. */
  price_in: z.int().min(0).default(0),
  price_out: z.int().min(0).default(0),
  /** It thinks without saying so: what an answer that broke off took is known to its provider alone. */
  hides_reasoning: z.boolean().default(false),
  fallback: z.string().max(200).optional(),
})

/** A model that clients can ask for (docs/runs.md). */
export type Model = z.infer<typeof Model>

const offline: z.input<typeof Model> = {
  id: 'parley-offline',
  provider: 'offline',
  tools: true,
  context: 32_000,
  max_output: 4_096,
  default_output: 1_024,
}

const hosted: z.input<typeof Model>[] = (
  [
    {
      id: 'gpt-4o-mini',
      tier: 'basic',
      context: 128_000,
      price_in: 150_000,
      price_out: 600_000,
      // Closely, a picture would take up to 48,000 tokens.
      picture_detail: 'low',
      picture_tokens: 2_833,
    },
    { id: 'gpt-4.1', tier: 'standard', context: 1_000_000, price_in: 2_000_000, price_out: 8_000_000 },
    { id: 'o3', tier: 'premium', context: 200_000, price_in: 2_000_000, price_out: 8_000_000, hides_reasoning: true },
  ] as const
).map((model) => ({
  ...model,
  vision: true,
  tools: true,
  max_output: 16_384,
  default_output: 4_096,
  output_param: 'max_completion_tokens',
}))

type Settings = { OPENAI_API_KEY?: string; OPENAI_BASE_URL?: string; OPENAI_MODEL?: string; MODELS?: string }

/**
 * The models served, the default first. Without a provider only the offline model is; `OPENAI_MODEL` adds one of
 * the provider's with cautious limits and makes it the default; `MODELS` (JSON) replaces the table.
 */
export function readModels(settings: Settings): Model[] | { fault: string } {
  const table = settings.MODELS ? parseTable(settings.MODELS) : hosted.map((model) => Model.parse(model))
  if (!table) return { fault: 'is not the JSON table that .dev.vars.example shows' }
  const last = Model.parse(offline)
  // Many local servers want no key, so a base URL is enough.
  if (!settings.OPENAI_API_KEY && !settings.OPENAI_BASE_URL) return [last]
  const { OPENAI_MODEL: wanted } = settings
  if (!wanted) return [...table, last]
  const known = table.find(({ id }) => id === wanted)
  // What the operator makes the default is for everybody.
  const first = Model.parse({ ...cautious, ...known, id: wanted, tier: 'basic' })
  return [first, ...table.filter((model) => model !== known), last]
}

const cautious = { context: 16_000, max_output: 4_096, default_output: 1_024 }

function parseTable(text: string): Model[] | undefined {
  try {
    const models = z.array(Model).min(1).max(50).parse(JSON.parse(text))
    const ids = new Set(models.map(({ id }) => id))
    return models.every(({ fallback }) => fallback === undefined || ids.has(fallback)) ? models : undefined
  } catch {
    return undefined
  }
}
