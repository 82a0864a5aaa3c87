import { within } from './deadline.ts'

/** So long R2 has for one step: an object or a part of one that is in memory, the end of an upload, a list, the deletion of some objects. */
const PATIENCE_MS = 20_000

/**
 * The bucket, and what it gives of uploads, as whoever waits for it asks it: silence is a failure. The bytes of an object that was
 * got come as they are taken.
 */
export const impatientBucket = (bucket: R2Bucket): R2Bucket => inTime(bucket)

function inTime<T extends object>(store: T): T {
  return new Proxy(store, {
    get(_, name) {
      const value = Reflect.get(store, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        const given = Reflect.apply(value, store, args)
        return given instanceof Promise ? within(PATIENCE_MS, given.then(uploadInTime)) : uploadInTime(given)
      }
    },
  })
}

const uploadInTime = (given: unknown) =>
  typeof given === 'object' && given !== null && 'uploadPart' in given ? inTime(given) : given
