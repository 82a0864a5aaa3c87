import { Buffer } from 'node:buffer'
import type { Picture } from '../../../ai/provider.ts'
import { describeError, type Log } from '../../../http/log.ts'

/**
 * The bytes of a picture in base64; nothing when its object is gone, or R2 fails twice: the model is told, and the reply
 * goes on.
 */
export async function readPicture(bucket: R2Bucket, { objectKey }: Picture, log: Log): Promise<string | undefined> {
  for (let tries = 1; tries <= 2; tries++) {
    try {
      const object = await bucket.get(objectKey)
      return object ? Buffer.from(await object.arrayBuffer()).toString('base64') : undefined
    } catch (error) {
      log('error', 'picture_not_read', describeError(error))
    }
  }
  return undefined
}
