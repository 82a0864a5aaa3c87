/** What clients rely on in an OpenAPI document: operations and shapes, without the words about them. */
export type Surface = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

export type Contents = Record<string, { schema?: Schema }>
export type Parameter = { name: string; in: string; required?: boolean; schema?: Schema }
/** Its answers by status; those of errors, whose statuses a client does not count on, are one: `error`. */
export type Operation = {
  security: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content?: Contents }
  responses: Record<string, { content?: Contents }>
}

export type Schema = {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
}

const WORDS = new Set(['description', 'summary', 'example', 'examples', 'tags', 'operationId', 'headers', 'default'])

/** The surface of a document. */
export function surfaceOf({ paths, components }: Surface): Surface {
  const operationOf = ({ security, parameters, requestBody, responses }: Operation): Operation => {
    const isError = ([status]: [string, unknown]) => Number(status) >= 400
    const answers = Object.entries(responses)
    const error = answers.find(isError)?.[1]
    const kept = Object.fromEntries(answers.filter((answer) => !isError(answer)))
    return { security, parameters, requestBody, responses: { ...kept, ...(error && { error }) } }
  }
  const operations = Object.entries(paths).map(([path, methods]) => [
    path,
    Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, operationOf(operation)])),
  ])
  return wordless({ paths: Object.fromEntries(operations), components: { schemas: components.schemas } }) as Surface
}

/** Names of fields may be such words too. */
function wordless(value: unknown, areNames = false): unknown {
  if (Array.isArray(value)) return value.map((each) => wordless(each))
  if (value === null || typeof value !== 'object') return value
  const kept = Object.entries(value).filter(([key, child]) => child !== undefined && (areNames || !WORDS.has(key)))
  return Object.fromEntries(kept.map(([key, child]) => [key, wordless(child, key === 'properties' && !areNames)]))
}
