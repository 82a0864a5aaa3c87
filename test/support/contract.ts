import { type Schema, Validator } from '@cfworker/json-schema'
import { HEADERS } from '../../src/http/openapi.ts'

export type Parameter = { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema }
type Content = Record<string, { schema: Schema }>

/** What the tests use of an OpenAPI document. */
export type Operation = {
  operationId: string
  security?: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Content }
  responses: Record<string, { headers?: Record<string, unknown>; content?: Content }>
}
export type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

export type Found = { operation: Operation; template: string; method: string }

/** All operations of the document. */
export const operationsOf = (document: Document): Found[] =>
  Object.entries(document.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ operation, template, method: method.toUpperCase() })),
  )

/** The operation that a canonical path reaches; literal segments win over parameters. */
export function findOperation(document: Document, method: string, path: string): Found | undefined {
  const fits = operationsOf(document).filter(
    (found) => found.method === method && new RegExp(`^${found.template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )
  return fits.sort((a, b) => a.template.split('{').length - b.template.split('{').length)[0]
}

/** Says what is wrong with a value under a schema of the document. */
export type CheckSchema = (document: Document, schema: Schema, value: unknown) => string | undefined

/** Throws unless the document declares this answer: its status, headers, media type, and each field of its body. */
export function checkAnswer(
  document: Document,
  found: Found,
  answer: Pick<Response, 'status' | 'headers'>,
  body: unknown,
  check: CheckSchema = checkSchema,
): void {
  const name = `${found.method} ${found.template} → ${answer.status}`
  // Declared for clients alone: nothing that a test does may end in it.
  if (answer.status === 500) throw new Error(`${name} must not happen: ${JSON.stringify(body)}`)
  const response = found.operation.responses[String(answer.status)]
  if (!response) throw new Error(`${name} is not declared: ${JSON.stringify(body)}`)
  const type = answer.headers.get('content-type')
  for (const [header, form] of Object.entries(HEADERS)) {
    const value = answer.headers.get(header)
    if (value === null) continue
    const isDeclared = Object.keys(response.headers ?? {}).includes(header)
    if (!isDeclared) throw new Error(`${name} must not have the header ${header}`)
    const fault = checkSchema(document, { type: 'string', maxLength: 2_000, ...form }, value)
    if (fault) throw new Error(`${name}: the header ${header}, ${value}: ${fault}`)
  }
  const media = type?.split(';')[0] ?? ''
  if (!response.content) {
    if (type !== null) throw new Error(`${name} must have no body, it is ${type}`)
    return
  }
  const content = response.content[media]
  if (!content) throw new Error(`${name} must not be ${media}`)
  if (!/^application\/(problem\+)?json$/.test(media)) return
  const result = check(document, content.schema, body)
  if (result) throw new Error(`${name}: ${result}\n${JSON.stringify(body)}`)
}

/** The component that the data of an event is described by: `message.delta` by `MessageDeltaEvent`. */
export const schemaOfEvent = ({ components }: Document, event: string): Schema | undefined =>
  components.schemas[`${event.split('.').map(capitalised).join('')}Event`]

const capitalised = (word: string) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`

/** For the tests in the Worker, where no code may be made of a schema. */
export const checkSchema: CheckSchema = (document, schema, value) => {
  const root = { ...schema, components: document.components } as Schema
  const { valid, errors } = new Validator(root, '2020-12', false).validate(value)
  return valid ? undefined : errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`).join('; ')
}
