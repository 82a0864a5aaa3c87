import { createHash } from 'node:crypto'
import { AppError } from '../../http/errors.ts'
import { fromStore } from './file-store.ts'
import { inParts, PART_BYTES } from './parts.ts'

/** What was written: length in bytes, SHA-256 in hex, and the first bytes. */
export type Written = { size: number; sha256: string; head: Uint8Array }

type Options = {
  /** How many of the first bytes are wanted; at most PART_BYTES. */
  headBytes: number
  maxBytes: number
  /** What it is when there is more than `maxBytes`. */
  tooLarge: () => AppError
  /** A multipart upload has begun, or one more part of it is stored. */
  onPart: (uploadId: string) => Promise<void>
}

/**
 * Writes bytes to R2 as they come, whatever their number, and holds one part of them. When it fails, no upload is left open.
 * @throws AppError `tooLarge()`, `file_store_failed`, and what the source throws
 */
export async function writeObject(
  bucket: R2Bucket,
  key: string,
  source: AsyncIterable<Uint8Array>,
  { headBytes, maxBytes, tooLarge, onPart }: Options,
): Promise<Written> {
  const hash = createHash('sha256')
  const parts: R2UploadedPart[] = []
  let upload: R2MultipartUpload | undefined
  let head = new Uint8Array()
  let size = 0
  try {
    for await (const part of inParts(source)) {
      if (size === 0) head = part.slice(0, headBytes)
      size += part.length
      if (size > maxBytes) throw tooLarge()
      hash.update(part)
      if (size < PART_BYTES)
        await fromStore(bucket.put(key, part, { sha256: createHash('sha256').update(part).digest() }))
      else {
        upload ??= await fromStore(bucket.createMultipartUpload(key))
        parts.push(await fromStore(upload.uploadPart(parts.length + 1, part)))
        await onPart(upload.uploadId)
      }
    }
    const sha256 = hash.digest('hex')
    if (upload) {
      await fromStore(upload.complete(parts))
      if ((await digestOf(bucket, key, size)) !== sha256) throw new AppError('file_store_failed')
    }
    return { size, sha256, head }
  } catch (error) {
    await upload?.abort().catch(() => {})
    throw error
  }
}

/** R2 is read in slices, as its simulator holds what nobody has taken yet. */
const SLICE_BYTES = 4 * PART_BYTES

/**
 * The SHA-256, in hex, of what is really stored. Nothing of it is held.
 * @throws AppError `file_store_failed`, also when it is missing or of another size
 */
export async function digestOf(bucket: R2Bucket, key: string, size: number): Promise<string> {
  const digest = new crypto.DigestStream('SHA-256')
  // What fails is told by what is piped into it.
  digest.digest.catch(() => {})
  for (let offset = 0; offset < size; offset += SLICE_BYTES) {
    const range = { offset, length: Math.min(SLICE_BYTES, size - offset) }
    const object = await fromStore(bucket.get(key, { range }))
    if (object?.size !== size) throw new AppError('file_store_failed')
    await fromStore(object.body.pipeTo(digest, { preventClose: true }))
  }
  await digest.getWriter().close()
  return Buffer.from(await digest.digest).toString('hex')
}
