import { z } from '@hono/zod-openapi'
import { id } from '../../../http/fields.ts'
import { codePoints, composed, MAX_MESSAGE } from '../../../lib/channel-text.ts'
import { integer, text } from '../../../lib/wire-fields.ts'

export const version = integer(1).openapi({ example: 1 })

/** 1 to 4,000 code points after NFC. What has files may be empty. */
export const content = text(4 * MAX_MESSAGE)
  .transform(composed)
  .refine((text) => codePoints(text) <= MAX_MESSAGE, `At most ${MAX_MESSAGE} characters`)
  .openapi({ type: 'string', maxLength: 4 * MAX_MESSAGE, example: 'Hello, world!' })

export const nonce = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .openapi({
    maxLength: 64,
    example: '0f3c',
    description: 'Made by the sender: the same nonce is the same message, for ever',
  })

/** What is said, whichever way it comes. */
export const said = {
  content: content.default(''),
  thread_id: id.nullable().default(null),
  attachments: z
    .array(id)
    .max(10)
    .refine((ids) => new Set(ids).size === ids.length, 'A file is attached once')
    .default([])
    .openapi({ description: 'Ids of your files, each once', uniqueItems: true }),
}
export const saysSomething = ({ content, attachments }: { content: string; attachments: string[] }) =>
  content.trim() !== '' || attachments.length > 0
export const NOTHING = { message: 'Say something, or attach a file', path: ['content'] }

export const editedContent = content.refine((text) => text.trim() !== '', 'Say something, or delete it')
