import fc from 'fast-check'
import type { Document } from '../support/contract.ts'
import { flat, joined, type Schema, typesOf } from './schemas.ts'
import { textOf } from './texts.ts'

/**
 * What fits by the name of a field, where the document cannot say all: an id of something that is there, a password that nobody
 * guesses.
 */
export type Known = Record<string, (schema: Schema) => fc.Arbitrary<unknown>>

/** The field is not sent. */
export const leftOut = () => fc.constant(undefined)

const MAX_ITEMS = 4
const MAX_NUMBER = 2 ** 53 - 1

/** Values that a schema allows, its bounds more often than what lies between them. */
export function valuesOf(document: Document, given: Schema, known: Known): fc.Arbitrary<unknown> {
  const schema = flat(document, given)
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const { anyOf, oneOf, ...common } = schema
  const branches = anyOf ?? oneOf
  if (branches) {
    return fc.oneof(...branches.map((branch) => valuesOf(document, joined(common, flat(document, branch)), known)))
  }
  const types = typesOf(schema)
  if (types.length === 0) return fc.jsonValue({ maxDepth: 2 })
  return fc.oneof(...types.map((type) => ofType(document, schema, type, known)))
}

function ofType(document: Document, schema: Schema, type: string, known: Known): fc.Arbitrary<unknown> {
  if (type === 'null') return fc.constant(null)
  if (type === 'boolean') return fc.boolean()
  if (type === 'string') return textOf(schema)
  if (type === 'array') return arrayOf(document, schema, known)
  if (type === 'object') return objectOf(document, schema, known)
  const { minimum: min = -MAX_NUMBER, maximum: max = MAX_NUMBER } = schema
  const bounds = fc.constantFrom(min, max)
  if (type === 'integer') return fc.oneof(bounds, fc.integer({ min, max }))
  // JSON has no -0: it would come back as 0.
  return fc.oneof(bounds, fc.double({ min, max, noNaN: true, noDefaultInfinity: true })).map((value) => value + 0)
}

function arrayOf(document: Document, schema: Schema, known: Known): fc.Arbitrary<unknown[]> {
  const { items = {}, minItems = 0, maxItems = MAX_ITEMS, uniqueItems } = schema
  const bounds = { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, MAX_ITEMS)) }
  const item = valuesOf(document, items, known)
  return uniqueItems
    ? fc.uniqueArray(item, { ...bounds, selector: (each) => JSON.stringify(each) })
    : fc.array(item, bounds)
}

function objectOf(document: Document, schema: Schema, known: Known): fc.Arbitrary<object> {
  const { properties = {}, required = [], additionalProperties, minProperties = 0, maxProperties } = schema
  const sent = Object.entries(properties).filter(([name]) => known[name] !== leftOut)
  const fields = sent.map(([name, field]) => [name, fieldOf(document, name, field, known)] as const)
  const isOptional = fields.filter(([name]) => !required.includes(name)).map(([name]) => name)
  const record = fc.record(Object.fromEntries(fields), { requiredKeys: required.filter((name) => name in properties) })
  if (fields.length === 0 && typeof additionalProperties === 'object') {
    const key = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/)
    return fc.dictionary(key, valuesOf(document, additionalProperties, known), { maxKeys: 3 })
  }
  if (minProperties === 0 && maxProperties === undefined) return record
  // Of the fields that may be left out, as many as have to be and may be there.
  const most = Math.min(maxProperties ?? fields.length, fields.length)
  const least = Math.min(minProperties, most)
  const chosen = fc.shuffledSubarray(isOptional, { minLength: Math.min(least, isOptional.length), maxLength: most })
  return chosen.chain((names) => {
    const keys = [...required, ...names]
    return fc.record(Object.fromEntries(fields.filter(([name]) => keys.includes(name))))
  })
}

const fieldOf = (document: Document, name: string, schema: Schema, known: Known): fc.Arbitrary<unknown> =>
  Object.hasOwn(known, name) ? known[name]!(flat(document, schema)) : valuesOf(document, schema, known)
