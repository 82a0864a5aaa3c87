import { and, eq, ne, sql } from 'drizzle-orm'
import { claimKey, type Idempotency } from '../../../db/idempotency.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { files, fileTexts } from '../../../db/schema/index.ts'
import type { Config } from '../../../env.ts'
import type { Ctx, OwnerCtx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { bytesOf, excerptOf } from '../excerpt.ts'
import { isDocument, kindOf, mediaTypeOf } from '../media-type.ts'
import type { Written } from '../object-writer.ts'
import { removeObjects } from './delete.ts'
import type { StoredFile } from './read.ts'
import { readSoon } from './texts.ts'

/** The start of a file that tells its type, and has what a model is shown of a text. */
export const headBytes = ({ FILE_CONTEXT_TOKENS }: Config) => Math.max(TYPE_BYTES, bytesOf(FILE_CONTEXT_TOKENS))

const TYPE_BYTES = 16 * 1024

/**
 * Makes a pending file whose object is written ready, and finds out what it is. Its text, if it has one that is quickly
 * read, is there with it; that of a document follows.
 * @throws AppError `file_store_failed` when it was swept away or its account was closed meanwhile; what the key says
 */
export async function finishFile(
  ctx: Ctx,
  { id, name }: { id: string; name: string },
  { size, sha256, head }: Written,
  idempotency?: Idempotency,
): Promise<StoredFile> {
  const { db, user, config, now } = ctx
  const mediaType = await mediaTypeOf(head, name)
  const kind = kindOf(mediaType)
  const text = kind === 'text' ? excerptOf(head, size, config.FILE_CONTEXT_TOKENS) : undefined
  const textStatus = text ? 'ready' : isDocument(mediaType) ? 'processing' : null
  const textDueAt = textStatus === 'processing' ? new Date() : null
  const isPending = and(eq(files.id, id), eq(files.userId, user.id), eq(files.state, 'pending'))
  try {
    const [, [file]] = await db.batch([
      mustHold(db, 'still_pending', sql`EXISTS (SELECT 1 FROM files WHERE ${isPending})`),
      db
        .update(files)
        .set({ state: 'ready', size, sha256, mediaType, kind, textStatus, textDueAt, uploadId: null, sweepAt: null })
        .where(isPending)
        .returning(),
      ...(text ? [db.insert(fileTexts).values({ fileId: id, ...text })] : []),
      ...(idempotency ? [claimKey(db, idempotency, id, now)] : []),
    ])
    if (textStatus === 'processing') readSoon(ctx, file!)
    return file!
  } catch (cause) {
    if (unmetPrecondition(cause) === 'still_pending') throw new AppError('file_store_failed', undefined, { cause })
    throw cause
  }
}

/**
 * Removes a file that did not become ready. What is ready after all, as its answer was lost, stays; what lost its row to
 * the sweeper or a closed account loses its object.
 */
export async function discardFile(
  { db, bucket }: Pick<OwnerCtx, 'db' | 'bucket'>,
  { id, objectKey }: Pick<StoredFile, 'id' | 'objectKey'>,
): Promise<void> {
  const [doomed, left] = await db.batch([
    db
      .update(files)
      .set({ state: 'deleted', sweepAt: new Date() })
      .where(and(eq(files.id, id), ne(files.state, 'ready')))
      .returning(),
    db.select({ id: files.id }).from(files).where(eq(files.id, id)),
  ])
  if (left.length === 0) await bucket.delete(objectKey)
  await removeObjects({ db, bucket }, doomed)
}
