import { z } from '@hono/zod-openapi'
import { FILE_KINDS, TEXT_STATUSES } from '../../db/schema/files.ts'
import { id, maybeMoment, moment } from '../../http/fields.ts'
import { integer, made, text, url } from '../../lib/wire-fields.ts'

/** R2 takes no larger object. */
const MAX_SIZE = 5 * 2 ** 40

/** Bytes as they are, of any length that can be stored. */
export const BYTES = { type: 'string', format: 'binary', maxLength: MAX_SIZE } as const

export const FileKind = z.enum(FILE_KINDS)

export const File = z
  .strictObject({
    id,
    filename: text(400).min(1).openapi({ example: 'document.pdf' }),
    file_path: url(100).openapi({
      example: '/api/v1/files/019b76da-a800-7000-8000-000000000000/content',
      description: 'Where its content is',
    }),
    file_size: integer(0, MAX_SIZE).openapi({ example: 1_024_000, description: 'In bytes' }),
    mime_type: made('A-Za-z0-9!#$&^_.+/-', 255).openapi({ example: 'application/pdf', description: 'By its bytes' }),
    kind: FileKind,
    text_status: z.enum(TEXT_STATUSES).nullable().openapi({
      description: 'Whether a model can read its text; null for what has none',
    }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .openapi({ maxLength: 64, example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' }),
    created_at: moment,
  })
  .openapi('File')
export type File = z.infer<typeof File>

export const Upload = z
  .strictObject({
    id,
    offset: integer(0, MAX_SIZE).openapi({ example: 52_428_800, description: 'Bytes that are stored' }),
    length: integer(0, MAX_SIZE).openapi({ example: 104_857_600, description: 'Bytes of the whole file' }),
    expires_at: maybeMoment.openapi({ description: 'If it does not go on; null when it is complete' }),
  })
  .openapi('Upload')
export type Upload = z.infer<typeof Upload>

export const Attachment = File.pick({
  id: true,
  filename: true,
  file_path: true,
  file_size: true,
  mime_type: true,
}).openapi('Attachment')
export type Attachment = z.infer<typeof Attachment>
