import { and, eq, sql } from 'drizzle-orm'
import { files, uploads } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { describeError } from '../../../http/log.ts'
import { displayName } from '../../../lib/file-names.ts'
import { fromStore } from '../file-store.ts'
import { PART_BYTES } from '../parts.ts'
import { removeObjects } from './delete.ts'
import { discardFile, finishFile } from './finish.ts'
import { holdRoom } from './room.ts'
import { verified } from './verify.ts'

/** An upload that does not go on for so long is given up. */
export const EXPIRES_MS = 24 * 3_600_000
/** R2 gives one up after seven days, whatever comes meanwhile. */
export const LIFETIME_MS = 6.5 * 24 * 3_600_000
/** Its SHA-256 is taken in the request that brings the last of it, which has 30 s of computing. R2 takes 10,000 parts. */
const MAX_BYTES = 2_000 * PART_BYTES

/** How far a resumable upload is, in bytes. What is ready does not expire. */
export type UploadState = { id: string; offset: number; length: number; metadata: string; expiresAt: Date | null }

/**
 * Begins a resumable upload of `length` bytes, which has room for all of them from now on. The id will be the file's.
 * @throws AppError `too_large` above 10 GB, `storage_limit_reached`, `file_store_failed`
 */
export async function beginUpload(
  ctx: Ctx,
  { length, name: given, metadata }: { length: number; name: string; metadata: string },
): Promise<UploadState> {
  if (length > MAX_BYTES) throw new AppError('too_large', `A file may have ${MAX_BYTES} bytes`)
  const name = displayName(given)
  const expiresAt = new Date(ctx.now.getTime() + EXPIRES_MS)
  const { id, objectKey } = await holdRoom(ctx, { name, bytes: length, exact: true, sweepAt: expiresAt }, (fileId) => [
    ctx.db.insert(uploads).values({ fileId, offset: 0, nextPart: 1, metadata }),
  ])
  const begun = { id, offset: 0, length, metadata, expiresAt }
  if (length > 0) return begun
  try {
    await fromStore(ctx.bucket.put(objectKey, ''))
    await finishFile(ctx, { id, name }, await verified(ctx, { objectKey, size: 0 }))
  } catch (error) {
    await discardFile(ctx, { id, objectKey })
    throw error
  }
  return { ...begun, expiresAt: null }
}

/** @throws AppError `not_found`, also when it is somebody else's, or has expired */
export async function findUpload({ db, user }: Ctx, id: string): Promise<UploadState> {
  const row = await db
    .select({ file: files, upload: uploads })
    .from(files)
    .leftJoin(uploads, eq(uploads.fileId, files.id))
    .where(and(eq(files.id, id), eq(files.userId, user.id), sql`state <> 'deleted'`))
    .get()
  if (!row || (row.file.state === 'pending' && !row.upload)) throw notFound()
  return toState(row.file, row.upload)
}

/** A file that is ready is an upload that has ended. */
const toState = (
  file: typeof files.$inferSelect,
  upload: Pick<typeof uploads.$inferSelect, 'offset' | 'metadata'> | null,
): UploadState => ({
  id: file.id,
  offset: file.state === 'ready' ? file.size : upload!.offset,
  length: file.size,
  metadata: upload?.metadata ?? '',
  expiresAt: file.sweepAt,
})

/** Gives an upload up, and its room back. @throws AppError `not_found`, also when it has ended: then it is a file */
export async function endUpload(ctx: Ctx, id: string): Promise<void> {
  const { db, user, log } = ctx
  const doomed = await db
    .update(files)
    .set({ state: 'deleted', sweepAt: new Date() })
    .where(
      and(
        eq(files.id, id),
        eq(files.userId, user.id),
        eq(files.state, 'pending'),
        sql`EXISTS (SELECT 1 FROM uploads WHERE file_id = ${id})`,
      ),
    )
    .returning()
  if (doomed.length === 0) throw notFound()
  // What fails here the sweeper does.
  await removeObjects(ctx, doomed).catch((error) => log('warn', 'object_not_deleted', describeError(error)))
}
