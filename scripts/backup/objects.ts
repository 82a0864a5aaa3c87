import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/** An object in R2, as the database knows it. */
export type Stored = { key: string; size: number; sha256: string }

/** R2 takes no smaller part but the last, and all parts of one size. */
const PART = 16 * 1024 * 1024

/** What users have stored. What is still being uploaded cannot be restored and is not backed up. */
export const storedFiles = (snapshot: DatabaseSync): Stored[] =>
  snapshot
    .prepare("SELECT object_key AS key, size, sha256 FROM files WHERE state = 'ready' ORDER BY id")
    .all() as unknown as Stored[]

type Outcome = { copied: number; faulty: string[] }

/**
 * Copies objects into a folder, each once: its key is never used for anything else, and a copy has its name only when it is whole. Gives
 * what was not there, as it was deleted meanwhile, or is not what the database says.
 */
export const copyOut = (bucket: R2Bucket, objects: Stored[], folder: string): Promise<Outcome> =>
  copyMissing(objects, {
    isThere: ({ key, size }) => statSync(join(folder, key), { throwIfNoEntry: false })?.size === size,
    async copy(object) {
      const found = await bucket.get(object.key)
      return found ? write(found.body, join(folder, object.key), object) : false
    },
  })

/** Puts objects into a bucket that lacks them. Gives those of which the folder has no whole copy. */
export const copyIn = (bucket: R2Bucket, objects: Stored[], folder: string): Promise<Outcome> =>
  copyMissing(objects, {
    isThere: async ({ key, size }) => (await bucket.head(key))?.size === size,
    async copy(object) {
      const file = join(folder, object.key)
      if (!existsSync(file) || (await hashOf(file)) !== object.sha256) return false
      await put(bucket, object, file)
      return true
    },
  })

type Copying = {
  isThere: (object: Stored) => boolean | Promise<boolean>
  /** Resolves with false when there is nothing to copy, or not what it should be. */
  copy: (object: Stored) => Promise<boolean>
}

async function copyMissing(objects: Stored[], { isThere, copy }: Copying): Promise<Outcome> {
  const outcome: Outcome = { copied: 0, faulty: [] }
  for (const object of objects) {
    if (await isThere(object)) continue
    if (await copy(object)) outcome.copied++
    else outcome.faulty.push(object.key)
  }
  return outcome
}

/** Under its name only when it is whole. */
async function write(body: ReadableStream, file: string, { sha256 }: Stored): Promise<boolean> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const part = `${file}.part`
  const hash = createHash('sha256')
  const out = await open(part, 'w', 0o600)
  try {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      hash.update(chunk)
      await out.write(chunk)
    }
  } finally {
    await out.close()
  }
  const isWhole = hash.digest('hex') === sha256
  if (isWhole) renameSync(part, file)
  else rmSync(part)
  return isWhole
}

async function put(bucket: R2Bucket, { key, size }: Stored, file: string): Promise<void> {
  const parts = partsOf(file)
  if (size <= PART) return void (await bucket.put(key, (await parts.next()).value ?? new Uint8Array()))
  const upload = await bucket.createMultipartUpload(key)
  const done: R2UploadedPart[] = []
  for await (const part of parts) done.push(await upload.uploadPart(done.length + 1, part))
  await upload.complete(done)
}

async function* partsOf(file: string): AsyncGenerator<Uint8Array> {
  const handle = await open(file)
  try {
    for (;;) {
      const { bytesRead, buffer } = await handle.read(new Uint8Array(PART), 0, PART)
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead)
      if (bytesRead < PART) return
    }
  } finally {
    await handle.close()
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex')
}
