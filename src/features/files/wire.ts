import { toTimestamp } from '../../lib/timestamps.ts'
import type { Attachment, File, Upload } from './schemas.ts'
import type { StoredFile } from './service/read.ts'
import type { UploadState } from './service/resumable-upload.ts'

export const toUpload = (upload: UploadState): Upload => ({
  id: upload.id,
  offset: upload.offset,
  length: upload.length,
  expires_at: toTimestamp(upload.expiresAt),
})

const contentPath = (id: string) => `/api/v1/files/${id}/content`

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toFile = (row: StoredFile): File => ({
  id: row.id,
  filename: row.name,
  file_path: contentPath(row.id),
  file_size: row.size,
  mime_type: row.mediaType,
  kind: row.kind,
  text_status: row.textStatus,
  sha256: row.sha256!,
  created_at: toTimestamp(row.createdAt),
})

/** A file of a message, as it is named to its user. */
export type Attached = Pick<StoredFile, 'id' | 'name' | 'mediaType' | 'size'>

export const toAttachment = (file: Attached): Attachment => ({
  id: file.id,
  filename: file.name,
  file_path: contentPath(file.id),
  file_size: file.size,
  mime_type: file.mediaType,
})
