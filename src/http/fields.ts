import { z } from '@hono/zod-openapi'
import { filled, text, uuid } from '../lib/wire-fields.ts'

/** Fields that many resources have, with the bounds and examples that the document shows. */
const EXAMPLE_ID = '019b76da-a800-7000-8000-000000000000'

/**
 * Pattern of a name that others see: control and bidirectional characters would move what they read. They are written
 * out, as not every reader of the document knows `\p{Cc}`.
 */
export const SHOWN = '^[^\\u0000-\\u001F\\u007F-\\u009F\\u2028\\u2029\\u202A-\\u202E\\u2066-\\u2069]*$'

export const id = uuid().openapi({ example: EXAMPLE_ID })
export const maybeId = uuid().nullable().openapi({ example: EXAMPLE_ID })
export const moment = z.iso.datetime().openapi({ example: '2026-01-01T00:00:00.000Z', maxLength: 24 })
export const maybeMoment = z.iso.datetime().nullable().openapi({ example: '2026-01-01T00:00:00.000Z', maxLength: 24 })
/** Text that a model wrote; the Runner ends a run that writes more. */
export const modelText = text(262_144).openapi({ example: 'Hello there' })
export const modelName = text(200).openapi({ example: 'parley-offline' })
/** What a model is told before what is said, whoever wrote it. */
export const instructions = filled(8_000).nullable().openapi({ example: 'Answer in one sentence' })
