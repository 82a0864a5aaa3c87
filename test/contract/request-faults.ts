import type { Document, Found } from '../support/contract.ts'
import { faultsOf } from './faults.ts'
import type { Input } from './requests.ts'
import { flat, type Schema } from './schemas.ts'

/** A request with one broken constraint: which, and how a refusal names the place. */
export type RequestFault = { input: Input; at: string; broken: string }

/** All ways to break one constraint of a valid request, in its body and its query. */
export function requestFaults(document: Document, found: Found, input: Input): RequestFault[] {
  return [...bodyFaults(document, found, input), ...queryFaults(document, found, input), ...headerFaults(found, input)]
}

function bodyFaults(document: Document, { operation }: Found, input: Input): RequestFault[] {
  const { body } = input
  if (!body || !/json$|urlencoded$/.test(body.type)) return []
  const schema = operation.requestBody!.content[body.type]!.schema as Schema
  const faults = faultsOf(document, schema, body.value)
  // A form has only texts.
  const possible = body.type.endsWith('json') ? faults : faults.filter(({ broken }) => !broken.startsWith('type'))
  return possible.map(({ value, pointer, broken }) => ({
    input: { ...input, body: { ...body, value } },
    at: pointer,
    broken,
  }))
}

function queryFaults(document: Document, { operation }: Found, input: Input): RequestFault[] {
  const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query')
  return parameters.flatMap(({ name, required, schema }) => {
    const wrong = wrongTexts(flat(document, schema as Schema))
    const at = `query:${name}`
    const { [name]: _, ...others } = input.query
    return [
      ...wrong.map(([broken, value]) => ({
        input: { ...input, query: { ...input.query, [name]: value } },
        at,
        broken,
      })),
      ...(required ? [{ input: { ...input, query: others }, at, broken: 'required' }] : []),
    ]
  })
}

type Wrong = [broken: string, text: string]

function wrongTexts({ type, minimum, maximum, minLength = 0, maxLength, pattern, format, ...schema }: Schema): Wrong[] {
  if (type === 'integer') {
    return [
      ['type: text', 'many'],
      ['type: no integer', '1.5'],
      ...(minimum === undefined ? [] : [['minimum', String(minimum - 1)] as Wrong]),
      ...(maximum === undefined ? [] : [['maximum', String(maximum + 1)] as Wrong]),
    ]
  }
  const misfit = pattern && ['a b!', 'a\u202eb', 'a\u0007b'].find((text) => !new RegExp(pattern, 'u').test(text))
  return [
    ...(schema.enum ? [['enum', 'no such word'] as Wrong] : []),
    ...(minLength > 0 ? [['minLength', ''] as Wrong] : []),
    ...(maxLength !== undefined ? [['maxLength', 'x'.repeat(maxLength + 1)] as Wrong] : []),
    ...(misfit ? [['pattern', misfit] as Wrong] : []),
    ...(format === 'uuid' || format === 'date' ? [['format', 'no such thing'] as Wrong] : []),
  ]
}

function headerFaults({ operation }: Found, input: Input): RequestFault[] {
  if (!operation.parameters?.some(({ name }) => name === 'idempotency-key')) return []
  const headers = { ...input.headers, 'idempotency-key': 'x'.repeat(256) }
  return [{ input: { ...input, headers }, at: 'header:idempotency-key', broken: 'maxLength' }]
}
