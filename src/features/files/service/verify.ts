import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { fromStore } from '../file-store.ts'
import { digestOf, type Written } from '../object-writer.ts'
import { headBytes } from './finish.ts'

/**
 * Reads an object that was written in several requests: its SHA-256, of what is really there, and its first bytes. Nothing
 * of it is held.
 * @throws AppError `file_store_failed`, also when it is missing or of another size
 */
export async function verified(
  { bucket, config }: Pick<Ctx, 'bucket' | 'config'>,
  { objectKey, size }: { objectKey: string; size: number },
): Promise<Written> {
  const sha256 = await digestOf(bucket, objectKey, size)
  return { size, sha256, head: await headOf(bucket, objectKey, Math.min(size, headBytes(config))) }
}

async function headOf(bucket: R2Bucket, objectKey: string, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array()
  const object = await fromStore(bucket.get(objectKey, { range: { offset: 0, length } }))
  if (!object) throw new AppError('file_store_failed')
  return new Uint8Array(await fromStore(object.arrayBuffer()))
}
