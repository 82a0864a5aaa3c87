import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { impatientBucket } from '../../src/lib/impatient-bucket.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A store of which every step takes so long, and says what it was asked for and by which object. */
class Store {
  readonly #ms: number
  constructor(ms: number) {
    this.#ms = ms
  }
  #after<T>(value: T): Promise<T> {
    return new Promise((done) => setTimeout(done, this.#ms, value))
  }
  get = (key: string) => this.#after(`got ${key}`)
  put(key: string, bytes: string) {
    return this.#after(`put ${bytes} at ${key}`)
  }
  createMultipartUpload(key: string) {
    return this.#after(new Upload(this.#ms, key))
  }
  resumeMultipartUpload(key: string) {
    return new Upload(this.#ms, key)
  }
}
class Upload extends Store {
  readonly key: string
  constructor(ms: number, key: string) {
    super(ms)
    this.key = key
  }
  uploadPart(n: number) {
    return this.put(this.key, `part ${n}`)
  }
}
const bucketOf = (ms: number) => impatientBucket(new Store(ms) as unknown as R2Bucket)
const outcome = async (work: Promise<unknown>) => {
  const settled = work.then(
    (value) => value,
    (error: Error) => error.name,
  )
  await vi.advanceTimersByTimeAsync(60_000)
  return settled
}

test('what comes in time is given as it is', async () => {
  const bucket = bucketOf(19_000)
  expect(await outcome(bucket.get('a'))).toBe('got a')
  expect(await outcome(bucket.put('a', 'bytes'))).toBe('put bytes at a')
})

test('what does not is late, and so is each step of an upload, however it was got', async () => {
  const bucket = bucketOf(21_000)
  expect(await outcome(bucket.get('a'))).toBe('Late')
  expect(await outcome(bucket.put('a', 'bytes'))).toBe('Late')
  expect(await outcome(bucket.resumeMultipartUpload('a', 'id').uploadPart(1, 'bytes'))).toBe('Late')
  const [begun, part] = [bucketOf(19_000), 'part 1'] as const
  const upload = (await outcome(begun.createMultipartUpload('a'))) as R2MultipartUpload
  expect(upload.key).toBe('a')
  expect(await outcome(upload.uploadPart(1, 'bytes'))).toBe(`put ${part} at a`)
})

test('a step that fails after it was late is heard by nobody', async () => {
  const failing = { get: () => new Promise((_, fail) => setTimeout(fail, 30_000, new Error('R2'))) }
  expect(await outcome(impatientBucket(failing as unknown as R2Bucket).get('a'))).toBe('Late')
})
