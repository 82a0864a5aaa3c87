import { Buffer } from 'node:buffer'
import type { Picture } from '../../../ai/provider.ts'
import { describeError, type Log } from '../../../http/log.ts'
import { within } from '../../../lib/deadline.ts'

/** So long R2 has for all of a picture, twice: well within the time that a model has to answer. */
const PATIENCE_MS = 6_000

/**
 * The bytes of a picture in base64; nothing when its object is gone, or R2 fails or is late twice: the model is told, and
 * the reply goes on.
 */
export async function readPicture(bucket: R2Bucket, { objectKey }: Picture, log: Log): Promise<string | undefined> {
  for (let tries = 1; tries <= 2; tries++) {
    try {
      const bytes = await within(PATIENCE_MS, bytesOf(bucket, objectKey))
      return bytes && Buffer.from(bytes).toString('base64')
    } catch (error) {
      log('error', 'picture_not_read', describeError(error))
    }
  }
  return undefined
}

async function bytesOf(bucket: R2Bucket, key: string): Promise<ArrayBuffer | undefined> {
  const object = await bucket.get(key)
  return object?.arrayBuffer()
}
