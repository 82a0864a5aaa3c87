import { createHash, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { Upload, type UploadOptions } from 'tus-js-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { newState } from '../support/migrated-state.ts'
import { type ServerUser, signIn, until } from '../support/server-user.ts'

// Clients as their users have them, against a server that may be killed.
const MB = 1024 * 1024
const folder = newState()
const start = (port?: number) =>
  startServer({ port, persistTo: folder, isMigrated: true, vars: { PASSWORD_COST: '4', UPGRADE_POLICY: 'open' } })
let server: LocalServer

beforeAll(async () => {
  server = await start()
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** SIGKILL, and a new server on the same state and port. */
async function crash() {
  await server.kill()
  server = await start(Number(new URL(server.url).port))
}

async function signInToTeam(): Promise<ServerUser> {
  const ada = await signIn(server.url)
  await ada.json('/user/upgrade', { body: { plan: 'team' } })
  return ada
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Uploads to the end, or to what `onProgress` aborts. Gives the URL of the upload. */
function tus(user: ServerUser, bytes: Buffer, options: Partial<UploadOptions> = {}) {
  let upload: Upload
  const done = new Promise<string>((resolve, reject) => {
    upload = new Upload(bytes, {
      endpoint: `${server.url}/api/v1/uploads`,
      headers: { authorization: `Bearer ${user.token}` },
      metadata: { filename: 'Überblick.bin', filetype: 'application/x-lie' },
      onSuccess: () => resolve(upload.url!),
      onError: reject,
      ...options,
    })
    upload.start()
  })
  return { upload: upload!, done }
}

const fileOf = async (user: ServerUser, url: string) => user.json(`/files/${url.split('/').at(-1)}`)
const bytesOf = async (user: ServerUser, id: string) =>
  new Uint8Array(await (await user.open(`/files/${id}/content`)).arrayBuffer())

test('tus-js-client uploads in chunks of any size, and all at once', async () => {
  const ada = await signInToTeam()
  const bytes = randomBytes(17 * MB + 3)
  for (const chunkSize of [6 * MB + 1, 5 * MB, Number.POSITIVE_INFINITY]) {
    const url = await tus(ada, bytes, { chunkSize }).done
    const file = await fileOf(ada, url)
    expect(file).toMatchObject({ filename: 'Überblick.bin', file_size: bytes.length, sha256: sha256(bytes) })
    expect(sha256(await bytesOf(ada, file.id))).toBe(file.sha256)
  }
})

// A request that was left may have its bytes acknowledged after the next one has asked where to go on: then it is told of a
// conflict, and asks again, as clients do by themselves.
test('tus-js-client goes on after a pause, and after the server was killed', async () => {
  const ada = await signInToTeam()
  const bytes = randomBytes(40 * MB)
  const reach = (part: number, uploadUrl?: string) => {
    let reached = () => {}
    const isThere = new Promise<void>((resolve) => (reached = resolve))
    const { upload, done } = tus(ada, bytes, {
      uploadUrl,
      chunkSize: 8 * MB,
      onChunkComplete: (_, accepted) => accepted >= part * bytes.length && reached(),
    })
    return { upload, done, isThere: Promise.race([isThere, done]) }
  }
  const first = reach(0.2)
  await first.isThere
  await first.upload.abort()
  const second = reach(0.5, first.upload.url!)
  await second.isThere
  const crashed = crash()
  // It would go on by itself.
  await second.upload.abort()
  await crashed
  const head = await ada.open(`/uploads/${first.upload.url!.split('/').at(-1)}`, {
    headers: { 'tus-resumable': '1.0.0' },
  })
  const offset = Number(head.headers.get('upload-offset'))
  expect(offset).toBeGreaterThanOrEqual(16 * MB)
  expect(offset).toBeLessThan(bytes.length)
  const url = await reach(2, first.upload.url!).done
  const file = await fileOf(ada, url)
  expect(file.sha256).toBe(sha256(bytes))
  expect(sha256(await bytesOf(ada, file.id))).toBe(file.sha256)
})

test('an upload that a kill cut off leaves nothing once the sweeper was there', async () => {
  const ada = await signInToTeam()
  const used = async () => (await ada.json('/user/usage')).storage.used
  async function* slowly() {
    for (let n = 1; n <= 3; n++) yield randomBytes(4 * MB)
    await new Promise(() => {})
  }
  const sending = fetch(`${server.url}/api/v1/upload?filename=a`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ada.token}`, 'content-length': String(60 * MB) },
    body: slowly(),
    duplex: 'half',
  } as unknown as RequestInit).catch(() => {})
  await until(20_000, async () => (await used()) === 60 * MB)
  await crash()
  await sending
  expect(await used()).toBe(60 * MB)
  expect(await ada.json('/files')).toEqual([])
  const sweep = (inMs: number) => fetch(`${server.url}/cdn-cgi/handler/scheduled?time=${Date.now() + inMs}`)
  await sweep(0)
  expect(await used()).toBe(60 * MB)
  await sweep(3_700_000)
  expect(await used()).toBe(0)
})
