import { and, desc, eq, lt, or, sql } from 'drizzle-orm'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import type { FileKind } from '../../../db/schema/files.ts'
import { files } from '../../../db/schema/index.ts'
import { seesInChannel } from '../../../db/seen-channels.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { judge } from '../../../lib/conditional-requests.ts'
import { fromStore } from '../file-store.ts'

export type StoredFile = typeof files.$inferSelect

/** Only what is ready is there. */
export const ownReady = (userId: string, id: string) =>
  and(eq(files.id, id), eq(files.userId, userId), eq(files.state, 'ready'))

/** One page of the caller's files, newest first. @throws AppError `validation_failed` for a foreign cursor */
export async function listFiles({ db, user }: Ctx, page: PageRequest, kind: FileKind | undefined) {
  const list = `files:${kind ?? ''}`
  const after = keyAfter(page, list, ['string'])
  const rows = await db
    .select()
    .from(files)
    .where(
      and(
        eq(files.userId, user.id),
        eq(files.state, 'ready'),
        kind && eq(files.kind, kind),
        after && lt(files.id, after[0]),
      ),
    )
    .orderBy(desc(files.id))
    .limit(page.limit + 1)
  return pageOf(rows, page, list, (row) => [row.id])
}

/**
 * A file of the caller's, or one that is in a channel that they see.
 * @throws AppError `not_found`, also when it is somebody else's, or not ready
 */
export async function getFile({ db, user }: Ctx, id: string): Promise<StoredFile> {
  const mayRead = or(eq(files.userId, user.id), seesInChannel(user.id, sql`${id}`))
  const file = await db
    .select()
    .from(files)
    .where(and(eq(files.id, id), eq(files.state, 'ready'), mayRead))
    .get()
  if (!file) throw notFound()
  return file
}

/** A file and as much of its content as the headers of the request ask for; no content when it is unchanged or unasked. */
export type Content = {
  file: StoredFile
  etag: string
  range: { first: number; last: number } | undefined
  body: ReadableStream<Uint8Array> | undefined
  isUnchanged: boolean
}

/**
 * The content of a file (RFC 9110, sections 13 and 14), as GET or HEAD asks for it.
 * @throws AppError `not_found`, `precondition_failed`, `range_not_satisfiable`, `file_content_missing`, `file_store_failed`
 */
export async function openContent(ctx: Ctx, id: string, method: string, headers: Headers): Promise<Content> {
  const file = await getFile(ctx, id)
  const etag = `"${file.sha256}"`
  const verdict = judge(method, headers, { etag, lastModified: file.createdAt, size: file.size })
  const found = { file, etag, range: undefined, body: undefined, isUnchanged: false }
  if (verdict.status === 412) throw new AppError('precondition_failed')
  if (verdict.status === 416) {
    const contentRange = `bytes */${file.size}`
    throw new AppError('range_not_satisfiable', `It has ${file.size} bytes`, { contentRange })
  }
  if (verdict.status === 304) return { ...found, isUnchanged: true }
  const range = verdict.status === 206 ? { first: verdict.first, last: verdict.last } : undefined
  return { ...found, range, body: method === 'GET' ? await read(ctx, file, range) : undefined }
}

async function read({ bucket, log }: Ctx, { id, objectKey, size }: StoredFile, range: Content['range']) {
  const length = range ? range.last - range.first + 1 : size
  const options = length === 0 ? {} : { range: { offset: range?.first ?? 0, length } }
  const object = await fromStore(bucket.get(objectKey, options))
  if (!object) {
    log('error', 'file_content_missing', { file_id: id })
    throw new AppError('file_content_missing')
  }
  return object.body
}
