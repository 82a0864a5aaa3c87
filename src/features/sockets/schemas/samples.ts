/** What is used here of JSON Schema, draft 7. */
export type Schema = {
  $ref?: string
  type?: string
  const?: unknown
  enum?: unknown[]
  format?: string
  pattern?: string
  minimum?: number
  minItems?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | false
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
}
export type Schemas = Record<string, Schema>

/** What stands in examples, by the name of the field. */
const SAMPLES: Record<string, unknown> = {
  content: 'Hello, world!',
  nonce: '0f3c',
  emoji: '👍',
  username: 'johndoe',
  display_name: 'John Doe',
  name: 'general',
  description: 'General discussion',
  message: 'Too many requests',
  error: 'Too many requests',
  code: 'rate_limit_exceeded',
  temporary: true,
  ping: '{"type":"ping"}',
  ping_interval_ms: 25_000,
  max_frame: 16_384,
  events: 512,
  bytes: 262_144,
  seq: 413,
  from: 413,
  to: 413,
  after: 412,
  head: 413,
  last_seq: 413,
  read_seq: 400,
  after_ms: 1_000,
  retry_after_ms: 200,
  id: '17',
  role: 'member',
  count: 2,
}
/** Shown in examples though they may be left out, or be null. */
const OFTEN = new Set(
  'id seq content description username display_name user role by user_id epoch head retry_after_ms'.split(' '),
)
const SAMPLE_ID = '019b76da-a800-7000-8000-000000000000'
const SAMPLE_TIME = '2026-01-01T00:00:00.000Z'

/** A value that fits a schema, with all that it requires. */
export function sampleOf(schema: Schema, schemas: Schemas, field = ''): unknown {
  const { type, properties = {}, required = [] } = schema
  if (schema.$ref) return sampleOf(schemas[schema.$ref.split('/').at(-1)!]!, schemas, field)
  const either = schema.oneOf ?? schema.anyOf
  if (either) return either.some(isNull) && !OFTEN.has(field) ? null : sampleOf(either[0]!, schemas, field)
  if (schema.const !== undefined) return schema.const
  if (type === 'array') return sampleItems(schema, schemas)
  if (type === 'object') {
    if (schema.additionalProperties) return { [SAMPLE_ID]: sampleOf(schema.additionalProperties, schemas, 'seq') }
    const shown = Object.keys(properties).filter((name) => required.includes(name) || OFTEN.has(name))
    return Object.fromEntries(shown.map((name) => [name, sampleOf(properties[name]!, schemas, name)]))
  }
  if (schema.format === 'uuid') return SAMPLE_ID
  if (schema.format === 'date-time') return SAMPLE_TIME
  if (field in SAMPLES) return SAMPLES[field]
  return schema.enum ? schema.enum[0] : type === 'integer' ? (schema.minimum ?? 0) : type !== 'boolean' && 'text'
}

const isNull = ({ type }: Schema) => type === 'null'

/** Several events, each of another type, follow on one another. */
function sampleItems({ items = {}, minItems = 0 }: Schema, schemas: Schemas): unknown[] {
  const either = items.oneOf ?? items.anyOf ?? [items]
  const count = items.format === 'uuid' ? Math.max(minItems, 1) : minItems
  return Array.from({ length: count }, (_, at) => {
    const item = sampleOf(either[at % either.length]!, schemas)
    return isNumbered(item) ? { ...item, seq: item.seq + at } : item
  })
}

const isNumbered = (item: unknown): item is { seq: number } =>
  typeof item === 'object' && item !== null && 'seq' in item && typeof item.seq === 'number'
