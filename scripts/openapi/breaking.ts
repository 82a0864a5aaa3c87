import type { Contents, Operation, Parameter, Schema, Surface } from './surface.ts'

/** Whose side a schema is on: what clients send may be widened, what they get may be narrowed. */
type Side = 'request' | 'answer'

/** Keywords that refuse more the higher they are, and those that refuse more the lower they are. */
const FLOORS = ['minimum', 'minLength', 'minItems'] as const
const CEILINGS = ['maximum', 'maxLength', 'maxItems'] as const

/**
 * What a client of `before` may rely on and `after` does not keep, a line each. More is no breach: operations, optional
 * input, fields and values of answers; clients pass over what they do not know (docs/api.md).
 */
export function breakingChanges(before: Surface, after: Surface): string[] {
  const found = new Set<string>()
  const compared = new Set<string>()
  for (const [path, methods] of Object.entries(before.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const name = `${method.toUpperCase()} ${path}`
      const now = after.paths[path]?.[method]
      if (now) compareOperations(name, operation, now)
      else found.add(`${name}: is gone`)
    }
  }
  return [...found].sort()

  function compareOperations(name: string, old: Operation, now: Operation) {
    const say = (what: string) => found.add(`${name}: ${what}`)
    const ways = now.security.map((way) => JSON.stringify(way))
    for (const way of old.security.filter((way) => ways.length > 0 && !ways.includes(JSON.stringify(way)))) {
      say(`does not take ${Object.keys(way).join(' and ')} any more`)
    }
    if (old.security.length === 0 && ways.length > 0) say('takes credentials now')
    compareParameters(name, old.parameters ?? [], now.parameters ?? [])
    if (now.requestBody?.required && !old.requestBody?.required) say('needs a body now')
    compareContents(`${name}, the body`, 'request', old.requestBody?.content, now.requestBody?.content)
    for (const [status, answer] of Object.entries(old.responses)) {
      const same = now.responses[status]
      if (same) compareContents(`${name}, ${status}`, 'answer', answer.content, same.content)
      else say(`does not answer ${status} any more`)
    }
  }

  function compareParameters(name: string, old: Parameter[], now: Parameter[]) {
    const keyOf = (parameter: Parameter) => `${parameter.in} ${parameter.name}`
    for (const parameter of inEither(old.map(keyOf), now.map(keyOf))) {
      const [was, is] = [old, now].map((all) => all.find((each) => keyOf(each) === parameter))
      if (!is) found.add(`${name}: does not know the ${parameter} any more`)
      else if (is.required && !was?.required) found.add(`${name}: needs the ${parameter} now`)
      if (was && is) compare(`${name}, the ${parameter}`, 'request', was.schema, is.schema)
    }
  }

  function compareContents(name: string, side: Side, old: Contents = {}, now: Contents = {}) {
    for (const [type, { schema }] of Object.entries(old)) {
      const same = now[type]
      if (same) compare(name, side, schema, same.schema)
      else found.add(`${name}: is not ${type} any more`)
    }
  }

  function compare(name: string, side: Side, old: Schema | undefined, now: Schema | undefined): void {
    if (!old || !now) return
    if (old.$ref || now.$ref) {
      const key = `${side} ${old.$ref} ${now.$ref}`
      if (old.$ref && now.$ref && compared.has(key)) return
      compared.add(key)
      const named = old.$ref ? `${nameOf(old.$ref)} in ${side}s` : name
      compare(named, side, follow(before, old), follow(after, now))
      return
    }
    const say = (what: string) => found.add(`${name}: ${what}`)
    const [was, is] = [typesOf(before, old), typesOf(after, now)]
    if (side === 'answer') for (const type of is) was.has(type) || say(`may be ${type} now`)
    else for (const type of was) is.has(type) || say(`may not be ${type} any more`)
    if (side === 'request') compareBounds(say, old, now)
    compareFields(name, side, old, now)
    compare(`${name}[]`, side, old.items, now.items)
    compareAlternatives(name, side, old, now)
  }

  function compareFields(name: string, side: Side, old: Schema, now: Schema) {
    const [was, is] = [old.properties ?? {}, now.properties ?? {}]
    for (const field of inEither(Object.keys(was), Object.keys(is))) {
      const at = `${name}: ${field}`
      const [wasRequired, isRequired] = [old, now].map(({ required }) => required?.includes(field) ?? false)
      if (!(field in is)) {
        if (side === 'answer' || now.additionalProperties === false) found.add(`${at} is gone`)
      } else if (side === 'answer' && wasRequired && !isRequired) found.add(`${at} may be missing now`)
      else if (side === 'request' && isRequired && !wasRequired) found.add(`${at} is needed now`)
      compare(`${name}.${field}`, side, was[field], is[field])
    }
  }

  /** Those of a union, each with the one that has its name, its constant field, or else its place. */
  function compareAlternatives(name: string, side: Side, old: Schema, now: Schema) {
    const [was, is] = [alternativesOf(old), alternativesOf(now)]
    for (const [at, alternative] of was.entries()) {
      const label = labelOf(before, alternative)
      const same = label ? is.find((each) => labelOf(after, each) === label) : is[at]
      if (same) compare(name, side, alternative, same)
      else if (is.length > 0) found.add(`${name}: is not ${label ?? `its alternative ${at + 1}`} any more`)
    }
  }
}

/** The changes that the text of CHANGELOG.md acknowledges in what is not released yet, each with a reason. */
export function acknowledgements(text: string): string[] {
  const [, unreleased = ''] = /^## .*unreleased.*$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(text) ?? []
  return [...unreleased.matchAll(/^[*-] \*\*Breaks\*\* `(.+?)`:? +\S.{9,}$/gm)].map(([, change]) => change!)
}

const follow = (surface: Surface, schema: Schema): Schema =>
  schema.$ref ? follow(surface, surface.components.schemas[nameOf(schema.$ref)] ?? {}) : schema

const nameOf = ($ref: string) => $ref.split('/').at(-1)!

const alternativesOf = (schema: Schema): Schema[] =>
  (schema.anyOf ?? schema.oneOf ?? []).filter((each) => each.$ref || each.type || each.const !== undefined)

function typesOf(surface: Surface, schema: Schema): Set<string> {
  const full = follow(surface, schema)
  const own = [full.type ?? []].flat()
  return new Set([...own, ...alternativesOf(full).flatMap((each) => [...typesOf(surface, each)])])
}

function labelOf(surface: Surface, schema: Schema): string | undefined {
  if (schema.$ref) return nameOf(schema.$ref)
  const [constant] = Object.values(schema.properties ?? {}).filter(
    (field) => valuesOf(follow(surface, field))?.length === 1,
  )
  return constant ? String(valuesOf(constant)?.[0]) : [schema.type].flat().join(' or ')
}

const valuesOf = ({ enum: values, const: value }: Schema) => values ?? (value === undefined ? undefined : [value])

const inEither = (some: string[], others: string[]) => [...new Set([...some, ...others])]

function compareBounds(say: (what: string) => void, old: Schema, now: Schema) {
  for (const bound of FLOORS) {
    if ((now[bound] ?? -Infinity) > (old[bound] ?? -Infinity)) say(`its ${bound} is ${now[bound]} now`)
  }
  for (const bound of CEILINGS) {
    if ((now[bound] ?? Infinity) < (old[bound] ?? Infinity)) say(`its ${bound} is ${now[bound]} now`)
  }
  const [was, is] = [valuesOf(old), valuesOf(now)]
  const gone = (is && was?.filter((value) => !is.includes(value))) ?? []
  if (gone.length > 0) say(`does not take ${gone.map((value) => JSON.stringify(value)).join(', ')} any more`)
  if (is && !was) say(`takes only ${is.map((value) => JSON.stringify(value)).join(', ')} now`)
  if (now.pattern !== undefined && now.pattern !== old.pattern) say(`its pattern is ${now.pattern} now`)
  if (now.additionalProperties === false && old.additionalProperties !== false && old.properties) {
    say('does not take fields that it does not know any more')
  }
}
