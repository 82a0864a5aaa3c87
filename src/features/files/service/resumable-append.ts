import { createHash } from 'node:crypto'
import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import type { Checksum } from '../../../lib/tus.ts'
import { fromStore, restKey } from '../file-store.ts'
import { inParts, PART_BYTES } from '../parts.ts'
import { finishFile } from './finish.ts'
import type { StoredFile } from './read.ts'
import { findUpload, type UploadState } from './resumable-upload.ts'
import { claimUpload, tooMuch, type Writer } from './resumable-writer.ts'
import { verified } from './verify.ts'

export type Piece = {
  /** Where the client goes on. */
  offset: number
  /** Of `content`, where that is told. */
  length: number | undefined
  content: AsyncIterable<Uint8Array>
  /** Of `content`. What does not match it is as if it had never come. */
  checksum: Checksum | undefined
}

/**
 * Adds bytes to a resumable upload of the caller's. A body that breaks off counts as far as it came, unless it has a
 * checksum. The last bytes are acknowledged when the file is ready: after a crash before that they are sent once more.
 * @throws AppError `not_found`, `upload_offset_conflict`, `checksum_mismatch`, `too_large` beyond the length of the upload,
 *   `file_store_failed`
 */
export function appendToUpload(ctx: Ctx, id: string, piece: Piece): Promise<UploadState> {
  const work = (async () => {
    const writer = await claimUpload(ctx, id, piece)
    if (writer) await append(ctx, writer, piece)
    return findUpload(ctx, id)
  })()
  // The bytes of a client that leaves are acknowledged all the same.
  ctx.waitUntil(work.catch(() => {}))
  return work
}

async function append(ctx: Ctx, writer: Writer, piece: Piece): Promise<void> {
  const { bucket } = ctx
  const { file, upload } = writer
  const body = receive(piece, file)
  let end = piece.offset - (piece.offset % PART_BYTES)
  let hasRest = false
  for await (const part of inParts(following(ctx, writer, body.bytes()))) {
    const start = end
    end += part.length
    const isLast = end === file.size
    if (end === piece.offset) break
    if (!isLast && part.length < PART_BYTES) {
      hasRest = true
      await fromStore(bucket.put(restKey(file.id, writer.name), part))
      continue
    }
    if (isLast) body.check()
    const written = await unlessComplete(ctx, writer, upload.uploadPart(writer.partNumber, part))
    if (isLast || !written) return finish(ctx, writer, written)
    // With a checksum nothing counts before all has come.
    await writer.add({ ...written, start }, piece.checksum ? undefined : end)
  }
  body.check()
  if (end === piece.offset) return
  await writer.moveTo(end, hasRest)
  await writer.forgetRest()
}

/** The body of a request. What breaks off ends it. */
function receive({ offset, content, checksum }: Piece, file: StoredFile) {
  const hash = checksum && createHash(checksum.algorithm)
  let at = offset
  let failure: unknown
  return {
    async *bytes() {
      const chunks = content[Symbol.asyncIterator]()
      for (;;) {
        const next = await chunks.next().catch((error) => {
          failure = error
        })
        if (!next || next.done) return
        at += next.value.length
        if (at > file.size) throw tooMuch(file)
        hash?.update(next.value)
        yield next.value
      }
    },
    /** Once all has come. */
    check() {
      if (!hash) return
      if (failure) throw failure
      if (hash.digest('base64') !== checksum!.base64) throw new AppError('checksum_mismatch')
    },
  }
}

/** What makes no whole part yet, and then what comes. */
async function* following({ bucket }: Ctx, { file, rest }: Writer, bytes: AsyncIterable<Uint8Array>) {
  if (rest !== null) {
    const object = await fromStore(bucket.get(restKey(file.id, rest)))
    if (!object) throw new AppError('file_store_failed')
    yield* object.body as unknown as AsyncIterable<Uint8Array>
  }
  yield* bytes
}

/**
 * What R2 does to an upload, or nothing when that is complete: a request that ended before D1 heard of it did that.
 * @throws AppError `file_store_failed`
 */
const unlessComplete = <T>({ bucket }: Ctx, { file }: Writer, work: Promise<T>): Promise<T | undefined> =>
  work.catch(async (cause) => {
    const object = await fromStore(bucket.head(file.objectKey))
    if (object?.size === file.size) return undefined
    throw new AppError('file_store_failed', undefined, { cause, retryAfterS: 2 })
  })

async function finish(ctx: Ctx, writer: Writer, last: R2UploadedPart | undefined): Promise<void> {
  const { file, upload } = writer
  if (last) await unlessComplete(ctx, writer, upload.complete([...(await writer.parts()), last]))
  try {
    await finishFile(ctx, file, await verified(ctx, file))
  } catch (error) {
    // Another request may have sent the last bytes too, and been quicker.
    const { expiresAt } = await findUpload(ctx, file.id)
    if (expiresAt !== null) throw error
  }
  await writer.forgetRest()
}
