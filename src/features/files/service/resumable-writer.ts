import { and, asc, eq, sql } from 'drizzle-orm'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { files, uploadParts, uploads } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { describeError } from '../../../http/log.ts'
import { newSecret } from '../../../lib/ids.ts'
import { fromStore, restKey } from '../file-store.ts'
import { PART_BYTES } from '../parts.ts'
import type { StoredFile } from './read.ts'
import { EXPIRES_MS, LIFETIME_MS } from './resumable-upload.ts'

/** The one request that may write to an upload. */
export type Writer = {
  /** Nobody else's. */
  name: string
  file: StoredFile
  upload: R2MultipartUpload
  /** Who left the bytes that make no whole part yet; null when there are none. */
  rest: string | null
  /** For the next part; nobody else has it. */
  partNumber: number
  /** The parts so far, in order. @throws AppError `upload_offset_conflict` */
  parts: () => Promise<R2UploadedPart[]>
  /** A part is in R2; `offset` is what is acknowledged with it. @throws AppError `upload_offset_conflict` */
  add: (part: R2UploadedPart & { start: number }, offset: number | undefined) => Promise<void>
  /** Acknowledges all up to `offset`, the last of it as a rest of ours. @throws AppError `upload_offset_conflict` */
  moveTo: (offset: number, hasRest: boolean) => Promise<void>
  /** Removes the bytes that waited before: they are part of something else now. */
  forgetRest: () => Promise<void>
}

/**
 * Takes an upload over, to go on at `offset`: who wrote before can acknowledge nothing more, as each acknowledgement is
 * conditional, and no part of its replaces one of ours, as no number is given out twice. `length` is what is known to come.
 * Nothing comes back when all is there.
 * @throws AppError `not_found`, `upload_offset_conflict`, `too_large`, `file_store_failed`
 */
export async function claimUpload(
  ctx: Ctx,
  id: string,
  { offset, length = 0 }: { offset: number; length?: number },
): Promise<Writer | undefined> {
  const { db, user } = ctx
  const name = newSecret(12)
  const own = and(eq(files.id, id), eq(files.userId, user.id))
  const isPending = sql`EXISTS (SELECT 1 FROM files WHERE ${own} AND state = 'pending' AND size >= ${offset + length})`
  const [[claimed], , [found]] = await db.batch([
    db
      .update(uploads)
      .set({ writer: name, nextPart: sql`next_part + 1` })
      .where(and(eq(uploads.fileId, id), eq(uploads.offset, offset), isPending))
      .returning(),
    // Parts that were stored and never acknowledged.
    db.delete(uploadParts).where(
      sql`file_id = ${id} AND EXISTS (SELECT 1 FROM uploads u WHERE u.file_id = ${id} AND u.writer = ${name}
          AND start > u.offset - ${PART_BYTES})`,
    ),
    db
      .select({ file: files, offset: uploads.offset })
      .from(files)
      .leftJoin(uploads, eq(uploads.fileId, files.id))
      .where(and(own, sql`state <> 'deleted'`)),
  ])
  // What came in one request is no upload before it is a file.
  if (!found || (found.file.state === 'pending' && found.offset === null)) throw notFound()
  const { file } = found
  if (file.state === 'ready' && offset === file.size) return undefined
  if (!claimed) throw found.offset === offset ? tooMuch(file) : conflict()
  const uploadId = file.uploadId ?? (await openUpload(ctx, file, name))
  const upload = ctx.bucket.resumeMultipartUpload(file.objectKey, uploadId)
  return openWriter(ctx, name, file, upload, claimed)
}

/** More than was said to come. */
export const tooMuch = ({ size }: Pick<StoredFile, 'size'>) => new AppError('too_large', `The upload has ${size} bytes`)

const conflict = () => new AppError('upload_offset_conflict', 'Ask with HEAD where it goes on, and send from there')

/** While `name` is the writer. */
const stillWrites = (name: string, fileId: string) =>
  sql`EXISTS (SELECT 1 FROM uploads u JOIN files f ON f.id = u.file_id
    WHERE u.file_id = ${fileId} AND u.writer = ${name} AND f.state = 'pending')`

/** Begins the multipart upload in R2; one that nobody heard of ends by itself there, after a week. */
async function openUpload({ db, bucket }: Ctx, { id, objectKey }: StoredFile, name: string): Promise<string> {
  const upload = await fromStore(bucket.createMultipartUpload(objectKey))
  const kept = await db
    .update(files)
    .set({ uploadId: upload.uploadId })
    .where(and(eq(files.id, id), stillWrites(name, id)))
    .returning({ id: files.id })
  if (kept.length > 0) return upload.uploadId
  await upload.abort().catch(() => {})
  throw conflict()
}

function openWriter(
  { db, bucket, log }: Ctx,
  name: string,
  file: StoredFile,
  upload: R2MultipartUpload,
  { fileId, nextPart, rest }: typeof uploads.$inferSelect,
): Writer {
  const holds = mustHold(db, 'still_writing', stillWrites(name, fileId))
  const itself = eq(uploads.fileId, fileId)
  const unlessLeftBehind = (error: unknown) => {
    throw unmetPrecondition(error) === 'still_writing' ? conflict() : error
  }
  /** It expires when nothing is acknowledged for long, as a rest does. */
  const goesOn = () =>
    db
      .update(files)
      .set({ sweepAt: sql`min(${Date.now() + EXPIRES_MS}, created_at + ${LIFETIME_MS})` })
      .where(eq(files.id, fileId))
  const writer: Writer = {
    name,
    file,
    upload,
    rest,
    partNumber: nextPart - 1,
    async parts() {
      const inOrder = db
        .select({ partNumber: uploadParts.number, etag: uploadParts.etag })
        .from(uploadParts)
        .where(eq(uploadParts.fileId, fileId))
        .orderBy(asc(uploadParts.start))
      const [, found] = await db.batch([holds, inOrder]).catch(unlessLeftBehind)
      return found
    },
    async add({ partNumber: number, etag, start }, offset) {
      const moved = offset === undefined ? {} : { offset, rest: null }
      const numbered = db
        .update(uploads)
        .set({ nextPart: sql`next_part + 1`, ...moved })
        .where(itself)
        .returning()
      const part = db.insert(uploadParts).values({ fileId, start, number, etag })
      const also = offset === undefined ? [] : [goesOn()]
      const [, , [row]] = await db.batch([holds, part, numbered, ...also]).catch(unlessLeftBehind)
      writer.partNumber = row!.nextPart - 1
    },
    async moveTo(offset, hasRest) {
      // R2 takes 10,000 numbers: the one that was not needed goes back.
      const moved = db
        .update(uploads)
        .set({ offset, rest: hasRest ? name : null, nextPart: writer.partNumber })
        .where(itself)
      await db.batch([holds, moved, goesOn()]).catch(unlessLeftBehind)
    },
    async forgetRest() {
      if (rest === null) return
      await bucket.delete(restKey(fileId, rest)).catch((error) => log('warn', 'rest_not_deleted', describeError(error)))
    },
  }
  return writer
}
