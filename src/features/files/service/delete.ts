import { and, eq, exists, not, or, sql } from 'drizzle-orm'
import { files, messageFiles, uploads } from '../../../db/schema/index.ts'
import { isInChannel } from '../../../db/seen-channels.ts'
import { SWEEP_ROWS } from '../../../db/sweep.ts'
import type { Ctx, OwnerCtx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { describeError } from '../../../http/log.ts'
import { restKey } from '../file-store.ts'
import { ownReady } from './read.ts'

/**
 * Deletes a file of the caller's: from now on it is not there, and its room is free.
 * @throws AppError `not_found`, `file_in_use` while a message has it
 */
export async function deleteFile(ctx: Ctx, id: string): Promise<void> {
  const { db, user, log } = ctx
  const isUsed = or(
    exists(db.select({ one: sql`1` }).from(messageFiles).where(eq(messageFiles.fileId, id))),
    isInChannel(sql`${id}`),
  )!
  const [doomed, left] = await db.batch([
    db
      .update(files)
      .set({ state: 'deleted', sweepAt: new Date() })
      .where(and(ownReady(user.id, id), not(isUsed)))
      .returning(),
    db.select({ id: files.id }).from(files).where(ownReady(user.id, id)),
  ])
  if (left.length > 0) throw new AppError('file_in_use', 'Delete the messages that have it: it goes with the last one')
  if (doomed.length === 0) throw notFound()
  // What fails here the sweeper does.
  await removeObjects(ctx, doomed).catch((error) => log('warn', 'object_not_deleted', describeError(error)))
}

/**
 * Removes a bounded number of the user's files, and gives how many. When it gives none there are none.
 * @throws when R2 fails
 */
export async function removeSomeFiles(ctx: OwnerCtx): Promise<number> {
  const { db, user } = ctx
  const some = sql`id IN (SELECT id FROM files WHERE user_id = ${user.id} LIMIT ${SWEEP_ROWS})`
  const doomed = await db.update(files).set({ state: 'deleted', sweepAt: new Date() }).where(some).returning()
  await removeObjects(ctx, doomed)
  return doomed.length
}

type Doomed = Pick<typeof files.$inferSelect, 'id' | 'objectKey' | 'uploadId'>

/** Takes away the objects of rows that are `deleted`, and then the rows. */
export async function removeObjects({ db, bucket }: Pick<OwnerCtx, 'db' | 'bucket'>, doomed: Doomed[]): Promise<void> {
  if (doomed.length === 0) return
  const ids = JSON.stringify(doomed.map(({ id }) => id))
  // Only what comes in pieces has one.
  const rests = doomed.some(({ uploadId }) => uploadId !== null)
    ? await db
        .select({ fileId: uploads.fileId, rest: uploads.rest })
        .from(uploads)
        .where(sql`file_id IN (SELECT value FROM json_each(${ids})) AND rest IS NOT NULL`)
    : []
  for (const { objectKey, uploadId } of doomed) {
    // One that has ended cannot be ended.
    if (uploadId)
      await bucket
        .resumeMultipartUpload(objectKey, uploadId)
        .abort()
        .catch(() => {})
  }
  await bucket.delete(doomed.map(({ objectKey }) => objectKey))
  if (rests.length > 0) await bucket.delete(rests.map(({ fileId, rest }) => restKey(fileId, rest!)))
  await db.delete(files).where(and(eq(files.state, 'deleted'), sql`id IN (SELECT value FROM json_each(${ids}))`))
}
