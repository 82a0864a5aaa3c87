import type { Document } from '../support/contract.ts'
import { checkByAjv, flat, joined, type Schema, typesOf } from './schemas.ts'

/** A value with one broken constraint: which, and at which JSON pointer. */
export type Fault = { value: unknown; pointer: string; broken: string }

/** Arrays and texts that would be longer are not made too long: the body would be refused as a whole. */
const MAX_LENGTH = 40_000
const MAX_ITEMS = 2_100

/** All ways in which one constraint of a schema can be broken in a valid value, each at its place. */
export function faultsOf(document: Document, schema: Schema, value: unknown): Fault[] {
  return faultsAt(document, schema, value, '').filter((fault) => checkByAjv(document, schema as never, fault.value))
}

function faultsAt(document: Document, given: Schema, value: unknown, pointer: string): Fault[] {
  const whole = flat(document, given)
  const schema = chosen(document, whole, value)
  const here = [...ofType(schema), ...ofText(schema, value), ...ofNumber(schema), ...ofArray(schema, value)]
  return [
    ...here.map(([broken, wrong]) => ({ value: wrong, pointer, broken })),
    ...ofObject(schema, value, (name) => (isNeeded(whole, name) ? pointer : `${pointer}/${name}`), pointer),
    ...childrenOf(schema, value).flatMap(([key, child, childSchema]) =>
      faultsAt(document, childSchema, child, `${pointer}/${key}`).map((fault) => ({
        ...fault,
        value: replaced(value, key, fault.value),
      })),
    ),
  ]
}

/** Of the schemas that a value may have the one that it has. */
function chosen(document: Document, schema: Schema, value: unknown): Schema {
  const { anyOf, oneOf, ...common } = schema
  const branches = (anyOf ?? oneOf)?.map((branch) => joined(common, flat(document, branch)))
  return branches?.find((branch) => !checkByAjv(document, branch as never, value)) ?? common
}

/** Whether a field is only needed because another one is not there: then both are missing. */
const isNeeded = ({ anyOf = [], required = [] }: Schema, name: string) =>
  !required.includes(name) && anyOf.some((branch) => branch.required?.includes(name) && !branch.properties)

type Wrong = [broken: string, value: unknown]

const OF_TYPE: Record<string, unknown> = {
  string: 'text',
  number: 1.5,
  boolean: true,
  null: null,
  array: [],
  object: {},
}

function ofType(schema: Schema): Wrong[] {
  const types = typesOf(schema)
  if (types.length === 0) return []
  const others = Object.keys(OF_TYPE).filter(
    (type) => !types.includes(type) && !(type === 'number' && types.includes('integer')),
  )
  const wrong: Wrong[] = others.map((type) => [`type: ${type}`, OF_TYPE[type]])
  return types.includes('integer') ? [...wrong, ['type: no integer', 1.5]] : wrong
}

/** Of these one fits no pattern that there is, also when it is trimmed and in lower case. */
const MISFITS = ['a b!', 'a\u202eb', 'a\u0007b', ' ']

function ofText(schema: Schema, value: unknown): Wrong[] {
  if (typeof value !== 'string') return []
  const { minLength = 0, maxLength, pattern, format } = schema
  const misfit = pattern && MISFITS.find((text) => !new RegExp(pattern, 'u').test(text))
  return [
    ['text: NUL', `${value}\0`],
    ['text: half a pair', `${value}\ud800`],
    ...(minLength > 0 ? [['minLength', ''] as Wrong] : []),
    ...(maxLength !== undefined && maxLength < MAX_LENGTH ? [['maxLength', 'x'.repeat(maxLength + 1)] as Wrong] : []),
    ...(misfit ? [['pattern', misfit] as Wrong] : []),
    ...(format && ['uuid', 'date', 'date-time', 'email'].includes(format)
      ? [['format', 'no such thing'] as Wrong]
      : []),
    ...(schema.enum ? [['enum', 'no such word'] as Wrong] : []),
  ]
}

function ofNumber({ minimum, maximum, ...schema }: Schema): Wrong[] {
  if (!typesOf(schema).some((type) => type === 'integer' || type === 'number')) return []
  return [
    ...(minimum === undefined ? [] : [['minimum', minimum - 1] as Wrong]),
    ...(maximum === undefined
      ? []
      : [['maximum', maximum === Number.MAX_SAFE_INTEGER ? 2 ** 53 : maximum + 1] as Wrong]),
  ]
}

function ofArray({ minItems = 0, maxItems, uniqueItems }: Schema, value: unknown): Wrong[] {
  if (!Array.isArray(value)) return []
  const [item] = value
  return [
    ...(minItems > 0 ? [['minItems', []] as Wrong] : []),
    ...(item !== undefined && maxItems !== undefined && maxItems < MAX_ITEMS
      ? [['maxItems', Array.from({ length: maxItems + 1 }, () => item)] as Wrong]
      : []),
    ...(item !== undefined && uniqueItems ? [['uniqueItems', [...value, item]] as Wrong] : []),
  ]
}

function ofObject(schema: Schema, value: unknown, placeOf: (name: string) => string, pointer: string): Fault[] {
  if (!isObject(value)) return []
  const without = (name: string) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))
  const missing = (schema.required ?? [])
    .filter((name) => name in value)
    .map((name) => ({ value: without(name), pointer: placeOf(name), broken: 'required' }))
  const none = (schema.minProperties ?? 0) > 0 ? [{ value: {}, pointer, broken: 'minProperties' }] : []
  const unknown = schema.additionalProperties === false ? ['role_', 'is_admin', 'constructor'] : []
  return [
    ...missing,
    ...none,
    ...unknown.map((name) => ({
      value: { ...value, [name]: 'admin' },
      pointer: `${pointer}/${name}`,
      broken: 'additionalProperties',
    })),
  ]
}

function childrenOf({ properties = {}, items, additionalProperties }: Schema, value: unknown) {
  if (Array.isArray(value))
    return items ? value.slice(0, 2).map((child, at) => [String(at), child, items] as const) : []
  if (!isObject(value)) return []
  const others = typeof additionalProperties === 'object' ? additionalProperties : undefined
  return Object.entries(value).flatMap(([key, child]) => {
    const schema = properties[key] ?? others
    return schema ? [[key, child, schema] as const] : []
  })
}

const replaced = (value: unknown, key: string, child: unknown) =>
  Array.isArray(value) ? value.with(Number(key), child) : { ...(value as object), [key]: child }

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
