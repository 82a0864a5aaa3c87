import { z } from 'zod'

/** Kinds of fields that go over the wire, each with all the bounds that the document shows of it. */

export const uuid = () => z.uuid().meta({ maxLength: 36 })

/** An integer from `min` to `max`, named after the smallest type that holds them all. */
export const integer = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  z
    .int()
    .min(min)
    .max(max)
    .meta({ format: max < 2 ** 31 ? 'int32' : 'int64' })

/** What people and models write, any characters: whoever shows it escapes it. */
export const TEXT = { format: 'text' }
/** `max` in UTF-16 units. */
export const text = (max: number) => z.string().max(max).meta(TEXT)
/** The same without the blanks around it, which do not count. */
export const trimmed = (max: number) => z.string().trim().max(max).meta(TEXT)

/** A text with something in it besides blanks: as the document says that what is trimmed must not be empty then. */
export const FILLED = { ...TEXT, pattern: '\\S' }
/** That, of a text that has a pattern already. */
export const notBlank = (pattern: string) => pattern.replace('^', '^(?=.*\\S)')
export const filled = (max: number) => trimmed(max).min(1).meta(FILLED)

/** What is made of `characters`, as in a pattern, by the server: at most `max` of them. */
export const made = (characters: string, max: number) =>
  z
    .string()
    .max(max)
    .regex(new RegExp(`^[${characters}]*$`))

/** A URL, or a path on this server. */
export const url = (max: number) => z.string().max(max).meta({ format: 'uri-reference' })
