import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { CheckSchema, Document } from '../support/contract.ts'

/** What the document uses of JSON Schema 2020-12. */
export type Schema = {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  minProperties?: number
  maxProperties?: number
  items?: Schema
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
}

export const typesOf = ({ type, properties }: Schema): string[] =>
  type === undefined ? (properties ? ['object'] : []) : [type].flat()

/** A schema with what it refers to and all that it is made of in one. */
export function flat(document: Document, schema: Schema): Schema {
  const { $ref, allOf, ...own } = schema
  const named = $ref && (document.components.schemas[$ref.split('/').at(-1)!] as Schema)
  const parts = [...(named ? [named] : []), ...(allOf ?? [])].map((part) => flat(document, part))
  return parts.reduce(joined, own)
}

/** What fits both. */
export const joined = (one: Schema, other: Schema): Schema => ({
  ...one,
  ...other,
  ...((one.properties ?? other.properties) && { properties: { ...one.properties, ...other.properties } }),
  ...((one.required ?? other.required) && { required: [...(one.required ?? []), ...(other.required ?? [])] }),
})

// The words of OpenAPI between those of JSON Schema say nothing about values.
const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }))
const compiled = new Map<string, ValidateFunction>()

/** The same as in the Worker's tests by another validator, which knows formats. */
export const checkByAjv: CheckSchema = (document, schema, value) => {
  const name = JSON.stringify(schema)
  const validate = compiled.get(name) ?? ajv.compile({ ...schema, components: document.components })
  compiled.set(name, validate)
  if (validate(value)) return undefined
  return validate.errors!.map(({ instancePath, message }: ErrorObject) => `${instancePath} ${message}`).join('; ')
}
