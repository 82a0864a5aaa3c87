import { MODEL_DEFAULTS, type Model, parseTable } from './model-table.ts'

export type { Model } from './model-table.ts'

const offline: Model = {
  ...MODEL_DEFAULTS,
  id: 'parley-offline',
  provider: 'offline',
  tools: true,
  context: 32_000,
  max_output: 4_096,
  default_output: 1_024,
}

const hosted: Model[] = (
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
  ...MODEL_DEFAULTS,
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
  const table = settings.MODELS ? parseTable(settings.MODELS) : hosted
  if (!table) return { fault: 'is not the JSON table that .dev.vars.example shows' }
  // Many local servers want no key, so a base URL is enough.
  if (!settings.OPENAI_API_KEY && !settings.OPENAI_BASE_URL) return [offline]
  const { OPENAI_MODEL: wanted } = settings
  if (!wanted) return [...table, offline]
  const known = table.find(({ id }) => id === wanted)
  // What the operator makes the default is for everybody.
  const first: Model = { ...MODEL_DEFAULTS, ...cautious, ...known, id: wanted, tier: 'basic' }
  return [first, ...table.filter((model) => model !== known), offline]
}

const cautious = { context: 16_000, max_output: 4_096, default_output: 1_024 }
