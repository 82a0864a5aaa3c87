import fc from 'fast-check'
import type { Document, Found } from '../support/contract.ts'
import { KNOWN } from './known.ts'
import type { Input } from './requests.ts'
import type { Scene } from './scenes.ts'
import { flat, type Schema } from './schemas.ts'
import { isOfAdmins, isOpen } from './stage.ts'
import { hostileValue } from './texts.ts'
import { valuesOf } from './values.ts'

/** One way to ask for an operation. What is drawn by `pick` depends on what is there when it runs. */
export type Case = { input: Input } & (
  | { kind: 'valid' }
  | { kind: 'broken'; pick: number }
  | { kind: 'foreign'; pick: number }
  | { kind: 'missing'; pick: number; value: string }
  | { kind: 'anonymous'; credential?: string }
  | { kind: 'lesser' }
  | { kind: 'hostile'; pick: number; value: unknown; raw: RawBody; header: readonly [string, string] }
  | { kind: 'method'; pick: number }
  | { kind: 'head' }
)

type RawBody = { type?: string; bytes: string }

const WEIGHTS = { valid: 8, broken: 6, foreign: 2, missing: 1, anonymous: 2, lesser: 1, hostile: 4, method: 1, head: 1 }

/** All ways to ask for an operation, each with how often in proportion: as there is something to find. */
export function kindsOf(document: Document, found: Found, scene: Scene): fc.WeightedArbitrary<Case>[] {
  const input = inputOf(document, found, scene)
  const pick = fc.nat(10_000)
  const arbitraries: { [K in Case['kind']]: fc.Arbitrary<Case> } = {
    valid: fc.record({ kind: fc.constant('valid'), input }),
    broken: fc.record({ kind: fc.constant('broken'), input, pick }),
    foreign: fc.record({ kind: fc.constant('foreign'), input, pick }),
    missing: fc.record({ kind: fc.constant('missing'), input, pick, value: missingId }),
    anonymous: fc.record({ kind: fc.constant('anonymous'), input, credential: badCredential }),
    hostile: fc.record({
      kind: fc.constant('hostile'),
      input,
      pick,
      value: hostileValue,
      raw: rawBody,
      header: oddHeader,
    }),
    method: fc.record({ kind: fc.constant('method'), input, pick }),
    head: fc.record({ kind: fc.constant('head'), input }),
    lesser: fc.record({ kind: fc.constant('lesser'), input }),
  }
  const names = idsOf(found.template)
  const makesSense = { ...WEIGHTS }
  if (names.length === 0) Object.assign(makesSense, { foreign: 0, missing: 0 })
  if (scene.foreign === null) makesSense.foreign = 0
  if (scene.isLenient) makesSense.broken = 0
  if (isOpen(found) || found.operation.operationId === 'logout') makesSense.anonymous = 0
  if (!isOfAdmins(found)) makesSense.lesser = 0
  // Of a socket there is no head.
  if (found.method !== 'GET' || '101' in found.operation.responses) makesSense.head = 0
  const kinds = Object.entries(makesSense).filter(([, weight]) => weight > 0)
  return kinds.map(([kind, weight]) => ({ weight, arbitrary: arbitraries[kind as Case['kind']] }))
}

/** Names in a path that stand for something of somebody's. */
export const idsOf = (template: string): string[] =>
  [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).filter((name) => IS_ID.test(name))
const IS_ID = /^(id|message_id|invite_id|key_id|token|code)$/

function inputOf(document: Document, { operation }: Found, scene: Scene): fc.Arbitrary<Input> {
  const known = { ...KNOWN, ...scene.known }
  const parameters = (place: string): Schema => {
    const all = (operation.parameters ?? []).filter((parameter) => parameter.in === place)
    return {
      type: 'object',
      properties: Object.fromEntries(all.map(({ name, schema }) => [name, schema as Schema])),
      required: all.filter(({ required }) => required).map(({ name }) => name),
    }
  }
  const query = fc
    .tuple(valuesOf(document, parameters('query'), known), scene.query ?? fc.constant({}))
    .map(([all, more]) => ({ ...(all as object), ...more }))
  const headers = fc
    .tuple(scene.headers ?? headersOf(document, parameters('header')), asked(operation))
    .map(([own, more]) => ({ ...own, ...more }))
  return fc.record({ query, headers, body: bodyOf(document, operation, scene, known) ?? fc.constant(undefined) })
}

/** Only what the document says a lot about; what others mean is made by their scene. */
const headersOf = (document: Document, { properties = {} }: Schema): fc.Arbitrary<Record<string, string>> => {
  const told = Object.entries(properties).filter(([name, { enum: words }]) => words || name === 'idempotency-key')
  const values = told.map(([name, schema]) => {
    const value = KNOWN[name]?.(schema) ?? valuesOf(document, schema, {})
    return [name, value as fc.Arbitrary<string>] as const
  })
  return fc.record(Object.fromEntries(values), { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>
}

/** Form of the answer, where there are several. */
function asked({ responses }: Found['operation']): fc.Arbitrary<Record<string, string>> {
  const ok = Object.keys(responses['200']?.content ?? {})
  const types = ['application/json', '*/*', ...(ok.includes('text/event-stream') ? ['text/event-stream'] : [])]
  const accept = fc.constantFrom(...types).map((type) => ({ accept: type }))
  const envelope = fc.constant<Record<string, string>>({ prefer: 'envelope' })
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant({}) },
    { weight: 4, arbitrary: accept },
    { weight: 1, arbitrary: envelope },
  )
}

function bodyOf(document: Document, { requestBody }: Found['operation'], scene: Scene, known: typeof KNOWN) {
  if (!requestBody) return undefined
  const bodies = Object.entries(requestBody.content).map(([type, { schema }]) => {
    const isBytes = /octet-stream/.test(type)
    const whole = { ...flat(document, schema as Schema) }
    if (scene.needs) whole.required = [...(whole.required ?? []), ...scene.needs]
    const value = scene.bodies?.[type] ?? scene.body ?? (isBytes ? bytes : valuesOf(document, whole, known))
    const fitting = scene.fits ? value.filter((each) => scene.fits!(JSON.stringify(each))) : value
    return fitting.map((each) => ({ type, value: each }))
  })
  const body = fc.oneof(...(bodies as fc.Arbitrary<NonNullable<Input['body']>>[]))
  return requestBody.required ? body : fc.option(body, { nil: undefined, freq: 4 })
}

const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 })

const missingId = fc.oneof(
  fc.uuid({ version: 7 }),
  fc.constantFrom('no-uuid', '0', '%', '../..', '\0', 'null', '👍', 'x'.repeat(3_000), "' OR 1=1 --"),
)

/** Nothing, and all that looks like a token. */
const badCredential = fc.constantFrom(
  undefined,
  'Bearer ',
  'Bearer nonsense',
  'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.',
  'Basic YWRtaW46YWRtaW4=',
  `Bearer parley_sk_${'A'.repeat(43)}_000000`,
  'bearer\tx',
)

const rawBody: fc.Arbitrary<RawBody> = fc.record({
  type: fc.constantFrom(
    'application/json',
    'application/json',
    'application/json; charset=utf-16',
    'text/plain',
    'application/xml',
    'multipart/form-data',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    'application/x-ndjson',
    'application/octet-stream',
    undefined,
  ),
  bytes: fc.oneof(
    fc.constantFrom(
      '',
      '{',
      'null',
      '[]',
      '"x"',
      '1e309',
      '{"a":1e309}',
      '{"a":1,"a":2}',
      '{"__proto__":{"role":"admin"}}',
      '\xff\xfe{}',
      '\xef\xbb\xbf{}',
      '{"a":"\xc3\x28"}',
      `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
      `{"a":"${'x'.repeat(300_000)}"}`,
      `[${'0,'.repeat(20_000)}0]`,
      '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
  ),
})

const oddHeader = fc.constantFrom(
  ['idempotency-key', 'ä'],
  ['idempotency-key', ' '],
  ['idempotency-key', 'x'.repeat(300)],
  ['prefer', 'envelope, x=y'],
  ['accept', 'text/event-stream;q=0'],
  ['accept', 'nonsense'],
  ['range', 'bytes=9999999999999999999-'],
  ['range', 'bytes=5-1'],
  ['if-match', '"nonsense'],
  ['if-none-match', '*'],
  ['last-event-id', '-1'],
  ['last-event-id', '99999999999999999999'],
  ['x-request-id', '<script>'],
  ['x-http-method-override', 'DELETE'],
  ['tus-resumable', '9'],
  ['upload-offset', '-1'],
  ['upload-length', '1e99'],
  ['upload-metadata', 'filename !!!'],
  ['upload-checksum', 'md5 x'],
  ['content-encoding', 'gzip'],
  ['origin', 'null'],
  ['x-d1-bookmark', 'nonsense'],
) as unknown as fc.Arbitrary<readonly [string, string]>
