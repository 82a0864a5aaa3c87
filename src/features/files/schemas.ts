import { z } from '@hono/zod-openapi'
import { FILE_KINDS, TEXT_STATUSES } from '../../db/schema/files.ts'
import { id, maybeMoment, moment } from '../../http/fields.ts'
import { integer, made, text, url } from '../../lib/wire-fields.ts'
import type { StoredFile } from './service/read.ts'
import type { UploadState } from './service/resumable-upload.ts'

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

export const Upload = z
  .strictObject({
    id,
    offset: integer(0, MAX_SIZE).openapi({ example: 52_428_800, description: 'Bytes that are stored' }),
    length: integer(0, MAX_SIZE).openapi({ example: 104_857_600, description: 'Bytes of the whole file' }),
    expires_at: maybeMoment.openapi({ description: 'If it does not go on; null when it is complete' }),
  })
  .openapi('Upload')

export const toUpload = (upload: UploadState): z.infer<typeof Upload> => ({
  id: upload.id,
  offset: upload.offset,
  length: upload.length,
  expires_at: upload.expiresAt?.toISOString() ?? null,
})

const contentPath = (id: string) => `/api/v1/files/${id}/content`

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toFile = (row: StoredFile): z.infer<typeof File> => ({
  id: row.id,
  filename: row.name,
  file_path: contentPath(row.id),
  file_size: row.size,
  mime_type: row.mediaType,
  kind: row.kind,
  text_status: row.textStatus,
  sha256: row.sha256!,
  created_at: row.createdAt.toISOString(),
})

export const Attachment = File.pick({
  id: true,
  filename: true,
  file_path: true,
  file_size: true,
  mime_type: true,
}).openapi('Attachment')

/** A file of a message, as it is named to its user. */
export type Attached = Pick<StoredFile, 'id' | 'name' | 'mediaType' | 'size'>

export const toAttachment = (file: Attached): z.infer<typeof Attachment> => ({
  id: file.id,
  filename: file.name,
  file_path: contentPath(file.id),
  file_size: file.size,
  mime_type: file.mediaType,
})
