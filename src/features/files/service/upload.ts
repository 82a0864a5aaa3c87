import { createHash } from 'node:crypto'
import { and, eq } from 'drizzle-orm'
import { type Idempotency, isKeyTaken, resultOf, selectClaim } from '../../../db/idempotency.ts'
import { files, type idempotencyKeys } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { describeError } from '../../../http/log.ts'
import { displayName } from '../../../lib/file-names.ts'
import { writeObject } from '../object-writer.ts'
import { discardFile, finishFile, headBytes } from './finish.ts'
import { getFile, type StoredFile } from './read.ts'
import { full, holdRoom, tooLarge } from './room.ts'

/** An upload says that it goes on, at the most so often, so that the sweeper leaves it for so long. */
const TOUCH_MS = 60_000
const SWEEP_AFTER_MS = 3_600_000

export type Upload = {
  /** What the client calls it. */
  name: string
  /** Bytes that come at least, and at most. */
  minBytes: number
  maxBytes: number
  content: AsyncIterable<Uint8Array>
}

/**
 * Stores a file of the caller's: a pending row that holds the room for it, then the object, then the row is ready. When it
 * fails nothing is left; what a crash leaves the sweeper removes. A client that leaves makes it fail.
 * @throws AppError `too_large`, `storage_limit_reached`, `file_store_failed`, `idempotency_key_reused`, and what the content
 *   throws
 */
export function storeFile(ctx: Ctx, upload: Upload, idempotency: Idempotency | undefined) {
  const work = store(ctx, upload, idempotency)
  ctx.waitUntil(work.catch(() => {}))
  return work
}

async function store(ctx: Ctx, upload: Upload, idempotency: Idempotency | undefined) {
  const { db, log } = ctx
  const claim = idempotency && (await selectClaim(db, idempotency).get())
  if (claim) return { file: await storedBefore(ctx, claim, idempotency, await digestOf(upload)), replayed: true }
  const name = displayName(upload.name)
  const held = await holdRoom(ctx, { name, bytes: upload.maxBytes, sweepAt: new Date(Date.now() + SWEEP_AFTER_MS) })
  const refusal = () => (held.size < Math.min(held.fileBytes, upload.maxBytes) ? full(held) : tooLarge(held))
  let sha256: string | undefined
  try {
    if (upload.minBytes > held.size) throw refusal()
    const options = {
      headBytes: headBytes(ctx.config),
      maxBytes: held.size,
      tooLarge: refusal,
      onPart: touching(ctx, held.id),
    }
    const written = await writeObject(ctx.bucket, held.objectKey, upload.content, options)
    if (written.size < upload.minBytes) throw new AppError('bad_request', 'The body broke off')
    sha256 = written.sha256
    return { file: await finishFile(ctx, { id: held.id, name }, written, idempotency), replayed: false }
  } catch (error) {
    await discardFile(ctx, held).catch((failure) => log('error', 'upload_not_discarded', describeError(failure)))
    if (!isKeyTaken(error)) throw error
    // The same request was quicker.
    const [first] = await selectClaim(db, idempotency!)
    return { file: await storedBefore(ctx, first!, idempotency!, sha256!), replayed: true }
  }
}

/**
 * What the same key stored before.
 * @throws AppError `idempotency_key_reused` when that was another file, `not_found` when it is deleted
 */
async function storedBefore(
  ctx: Ctx,
  claim: typeof idempotencyKeys.$inferSelect,
  idempotency: Idempotency,
  sha256: string,
): Promise<StoredFile> {
  const file = await getFile(ctx, resultOf(claim, idempotency))
  if (file.sha256 !== sha256) throw new AppError('idempotency_key_reused')
  return file
}

async function digestOf({ content }: Upload): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of content) hash.update(chunk)
  return hash.digest('hex')
}

/** Says from time to time that the upload goes on, and by which upload of R2 it is written. */
function touching({ db, log }: Ctx, id: string) {
  let saidAt = 0
  return async (uploadId: string) => {
    if (Date.now() - saidAt < TOUCH_MS) return
    saidAt = Date.now()
    await db
      .update(files)
      .set({ uploadId, sweepAt: new Date(saidAt + SWEEP_AFTER_MS) })
      .where(and(eq(files.id, id), eq(files.state, 'pending')))
      // It matters after an hour, and is said again before that.
      .catch((error) => log('warn', 'upload_not_touched', describeError(error)))
  }
}
