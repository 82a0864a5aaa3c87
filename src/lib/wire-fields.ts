import { z } from 'zod'

/**
 * Kinds of fields that go over the wire, each with all the bounds that the document shows of it. There are a thousand of them, and every
 * step of a chain makes a schema of its own: so checks come together, and what the document says is registered, which copies nothing.
 */
const shown = <S extends z.ZodType>(schema: S, meta: z.GlobalMeta): S => {
  z.globalRegistry.add(schema, meta)
  return schema
}

export const uuid = () => shown(z.uuid(), { maxLength: 36 })

/** An integer from `min` to `max`, named after the smallest type that holds them all. */
export const integer = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  shown(z.int().check(z.gte(min), z.lte(max)), { format: max < 2 ** 31 ? 'int32' : 'int64' })

/** What people and models write, any characters: whoever shows it escapes it. */
export const TEXT = { format: 'text' }
/** `max` in code points, as JSON Schema counts. */
export const text = (max: number) => shown(z.string().max(max), TEXT)
/** The same without the blanks around it, which do not count. */
export const trimmed = (max: number) => shown(z.string().check(z.trim(), z.maxLength(max)), TEXT)

/** A text with something in it besides blanks: as the document says that what is trimmed must not be empty then. */
export const FILLED = { ...TEXT, pattern: '\\S' }
/** That, of a text that has a pattern already. */
export const notBlank = (pattern: string) => pattern.replace('^', '^(?=.*\\S)')
export const filled = (max: number) => shown(z.string().check(z.trim(), z.maxLength(max), z.minLength(1)), FILLED)

/** What is made of `characters`, as in a pattern, by the server: at most `max` of them. */
export const made = (characters: string, max: number) =>
  z.string().check(z.maxLength(max), z.regex(new RegExp(`^[${characters}]*$`)))

/** A URL, or a path on this server. */
export const url = (max: number) => shown(z.string().max(max), { format: 'uri-reference' })
