import { env } from 'cloudflare:workers'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { client, countOf, countTo, one, runChores, type SignedIn, signIn, until } from '../support/client.ts'

const MB = 1024 * 1024
const TUS = { 'tus-resumable': '1.0.0' }

const base64 = (text: string) => Buffer.from(text).toString('base64')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

function bytesOf(length: number) {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

const begin = (user: SignedIn, length: number | string, name = 'a.bin', headers = {}) =>
  user('POST', '/uploads', undefined, {
    headers: { ...TUS, 'upload-length': String(length), 'upload-metadata': `filename ${base64(name)},x`, ...headers },
  })

/** The id of a new upload. */
const begun = async (user: SignedIn, length: number, name?: string) => {
  const answer = await begin(user, length, name)
  expect(answer.status).toBe(201)
  return answer.headers.get('location')!.split('/').at(-1)!
}

const send = (user: SignedIn, id: string, offset: number, raw: BodyInit, headers: Record<string, string> = {}) =>
  user('PATCH', `/uploads/${id}`, undefined, {
    raw,
    headers: {
      ...TUS,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': String(offset),
      ...headers,
    },
  })

const stateOf = async (user: SignedIn, id: string) => {
  const { status, headers } = await user.open('HEAD', `/uploads/${id}`, undefined, { headers: TUS })
  return { status, offset: Number(headers.get('upload-offset')), headers }
}

const contentOf = async (user: SignedIn, id: string) =>
  new Uint8Array(await (await user.open('GET', `/files/${id}/content`)).arrayBuffer())

const used = async (user: SignedIn) => (await user('GET', '/user/usage')).body.storage.used
const rests = async (id: string) => (await env.FILES.list({ prefix: `rests/${id}/` })).objects.length

test('an upload comes in pieces of any size, and is a file with its last byte', async () => {
  const ada = await signIn()
  // More than one request may bring on this plan.
  const bytes = bytesOf(12 * MB + 7)
  const id = await begun(ada, bytes.length, 'Größe.bin')
  expect(await used(ada)).toBe(bytes.length)
  expect((await ada('GET', `/files/${id}`)).status).toBe(404)
  let at = 0
  for (const size of [1, MB, 4 * MB - 1, 5 * MB, 0, MB + 3, 0.5 * MB, 10 * MB]) {
    const piece = bytes.subarray(at, at + size)
    const { status, headers } = await send(ada, id, at, piece)
    at += piece.length
    expect([size, status, headers.get('upload-offset')]).toEqual([size, 204, String(at)])
    expect(headers.get('tus-resumable')).toBe('1.0.0')
    expect((await stateOf(ada, id)).offset).toBe(at)
    expect(await rests(id)).toBe(at % (5 * MB) === 0 || at === bytes.length ? 0 : 1)
  }
  const { body: file } = await ada('GET', `/files/${id}`)
  expect(file).toMatchObject({ filename: 'Größe.bin', file_size: bytes.length, sha256: sha256(bytes) })
  expect(sha256(await contentOf(ada, id))).toBe(file.sha256)
  const { status, headers } = await stateOf(ada, id)
  expect([status, headers.get('upload-length'), headers.get('cache-control')]).toEqual([
    200,
    String(bytes.length),
    'no-store',
  ])
  expect(await countOf('upload_parts WHERE file_id = ?', id)).toBe(0)
  expect(await used(ada)).toBe(bytes.length)
})

test('one that ends with a whole part, a small one and an empty one are files too', async () => {
  const ada = await signIn()
  for (const size of [10 * MB, 5 * MB, 3, 0]) {
    const bytes = bytesOf(size)
    const id = await begun(ada, size)
    if (size > 0) expect((await send(ada, id, 0, bytes)).status).toBe(204)
    expect((await ada('GET', `/files/${id}`)).body).toMatchObject({ file_size: size, sha256: sha256(bytes) })
    // Whoever resumes it finds that it is complete.
    expect((await stateOf(ada, id)).offset).toBe(size)
    expect((await send(ada, id, size, '')).status).toBe(204)
  }
})

test('the server says what it speaks, and takes nothing else', async () => {
  const ada = await signIn()
  const options = await client()('OPTIONS', '/uploads')
  expect([options.status, options.headers.get('tus-version'), options.headers.get('tus-extension')]).toEqual([
    204,
    '1.0.0',
    'creation,expiration,termination,checksum',
  ])
  const id = await begun(ada, 10)
  const other = { ...TUS, 'tus-resumable': '0.2.2' }
  const refused = await begin(ada, 10, 'a', other)
  expect(refused).toMatchObject({ status: 412, body: { code: 'precondition_failed' } })
  expect(refused.headers.get('tus-version')).toBe('1.0.0')
  expect((await send(ada, id, 0, 'x', other)).status).toBe(412)
  expect((await ada('DELETE', `/uploads/${id}`)).status).toBe(412)
  expect((await send(ada, id, 0, 'x', { 'content-type': 'text/plain' })).status).toBe(415)
  for (const length of ['', '-1', '1.5', 'many', '9'.repeat(20)]) expect((await begin(ada, length)).status).toBe(400)
  expect((await begin(ada, 1e12)).status).toBe(413)
  expect((await begin(ada, 10, 'a', { 'upload-concat': 'partial' })).status).toBe(400)
  for (const metadata of ['filename %%%', 'a b c', `a ${'A'.repeat(5_000)}`]) {
    expect((await begin(ada, 1, 'a', { 'upload-metadata': metadata })).status).toBe(400)
  }
  expect((await send(ada, id, 0, 'x', { 'upload-offset': 'x' })).status).toBe(400)
  const overridden = await ada('POST', `/uploads/${id}`, undefined, {
    raw: 'abc',
    headers: {
      ...TUS,
      'x-http-method-override': 'PATCH',
      'upload-offset': '0',
      'content-type': 'application/offset+octet-stream',
    },
  })
  expect([overridden.status, overridden.headers.get('upload-offset')]).toEqual([204, '3'])
})

test('another place than the one it is at is a conflict, and more than it has is too much', async () => {
  const ada = await signIn()
  const id = await begun(ada, 10)
  expect((await send(ada, id, 0, 'abcd')).status).toBe(204)
  for (const offset of [0, 3, 5, 10]) {
    const answer = await send(ada, id, offset, 'x')
    expect(answer).toMatchObject({ status: 409, body: { code: 'upload_offset_conflict' } })
    expect(answer.headers.get('tus-resumable')).toBe('1.0.0')
  }
  expect(await send(ada, id, 4, 'x'.repeat(7))).toMatchObject({ status: 413, body: { code: 'too_large' } })
  const unmeasured = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('x'.repeat(7)))
      controller.close()
    },
  })
  expect((await send(ada, id, 4, unmeasured)).status).toBe(413)
  expect((await stateOf(ada, id)).offset).toBe(4)
  expect((await send(ada, id, 4, 'efghij')).status).toBe(204)
  expect(new TextDecoder().decode(await contentOf(ada, id))).toBe('abcdefghij')
})

test('a piece with a checksum counts when it matches, and else is as if it had never come', async () => {
  const ada = await signIn()
  const bytes = bytesOf(12 * MB)
  const id = await begun(ada, bytes.length)
  const sumOf = (algorithm: string, piece: Uint8Array) => ({
    'upload-checksum': `${algorithm} ${createHash(algorithm).update(piece).digest('base64')}`,
  })
  expect((await send(ada, id, 0, bytes.subarray(0, MB))).status).toBe(204)
  const piece = bytes.subarray(MB, 11 * MB)
  const wrong = await send(ada, id, MB, piece, sumOf('sha1', bytes))
  expect(wrong).toMatchObject({ status: 460, body: { code: 'checksum_mismatch' } })
  expect((await stateOf(ada, id)).offset).toBe(MB)
  for (const checksum of ['crc32 AAAA', 'sha1', 'sha1 !']) {
    expect((await send(ada, id, MB, piece, { 'upload-checksum': checksum })).status).toBe(400)
  }
  expect((await send(ada, id, MB, piece, sumOf('sha1', piece))).headers.get('upload-offset')).toBe(String(11 * MB))
  const last = bytes.subarray(11 * MB)
  expect((await send(ada, id, 11 * MB, last, sumOf('sha256', bytes))).status).toBe(460)
  expect((await send(ada, id, 11 * MB, last, sumOf('sha256', last))).status).toBe(204)
  expect((await ada('GET', `/files/${id}`)).body.sha256).toBe(sha256(bytes))
})

test('what came before the connection broke counts, and the upload goes on from there', async () => {
  const ada = await signIn()
  const bytes = bytesOf(8 * MB)
  const id = await begun(ada, bytes.length)
  const abort = new AbortController()
  const torn = new ReadableStream({
    start: (controller) => controller.enqueue(bytes.subarray(0, 6 * MB)),
  })
  const sending = ada
    .open('PATCH', `/uploads/${id}`, undefined, {
      raw: torn,
      signal: abort.signal,
      headers: { ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' },
    })
    .catch(() => {})
  await until(async () => (await stateOf(ada, id)).offset >= 5 * MB)
  abort.abort()
  await sending
  await until(async () => (await stateOf(ada, id)).offset === 6 * MB)
  expect((await send(ada, id, 6 * MB, bytes.subarray(6 * MB))).status).toBe(204)
  expect((await ada('GET', `/files/${id}`)).body.sha256).toBe(sha256(bytes))
})

test('of two that write at once the later one goes on, and the file is right', async () => {
  const ada = await signIn()
  const bytes = bytesOf(11 * MB)
  const id = await begun(ada, bytes.length)
  // It has begun, and waits for more.
  let go = () => {}
  const stalled = new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes.subarray(0, 2 * MB))
      go = () => {
        controller.enqueue(bytes.subarray(2 * MB, 7 * MB))
        controller.close()
      }
    },
  })
  const first = send(ada, id, 0, stalled)
  await until(async () => (await one<{ writer: string }>('SELECT writer FROM uploads WHERE file_id = ?', id))?.writer)
  expect((await send(ada, id, 0, bytes.subarray(0, 6 * MB))).status).toBe(204)
  go()
  expect(await first).toMatchObject({ status: 409, body: { code: 'upload_offset_conflict' } })
  expect((await stateOf(ada, id)).offset).toBe(6 * MB)
  const together = await Promise.all(countTo(4).map(() => send(ada, id, 6 * MB, bytes.subarray(6 * MB))))
  expect(together.filter(({ status }) => status === 204).length).toBeGreaterThan(0)
  for (const { status } of together) expect([204, 409]).toContain(status)
  expect((await ada('GET', `/files/${id}`)).body.sha256).toBe(sha256(bytes))
  expect(sha256(await contentOf(ada, id))).toBe(sha256(bytes))
})

test('a writer that was left behind completes nothing, also when it has a checksum', async () => {
  const ada = await signIn()
  const bytes = bytesOf(7 * MB)
  const id = await begun(ada, bytes.length)
  let go = () => {}
  const stalled = new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes.subarray(0, 6 * MB))
      go = () => {
        controller.enqueue(bytes.subarray(6 * MB))
        controller.close()
      }
    },
  })
  const checksum = { 'upload-checksum': `sha1 ${createHash('sha1').update(bytes).digest('base64')}` }
  const first = send(ada, id, 0, stalled, checksum)
  await until(async () => (await countOf('upload_parts WHERE file_id = ?', id)) === 1)
  expect((await send(ada, id, 0, bytes.subarray(0, MB))).status).toBe(204)
  go()
  expect((await first).status).toBe(409)
  expect((await send(ada, id, MB, bytes.subarray(MB))).status).toBe(204)
  expect((await ada('GET', `/files/${id}`)).body.sha256).toBe(sha256(bytes))
})

test('pieces of any number take no more part numbers than there are parts', async () => {
  const ada = await signIn()
  const bytes = bytesOf(5 * MB + 20)
  const id = await begun(ada, bytes.length)
  for (let at = 0; at < 10; at++) await send(ada, id, at, bytes.subarray(at, at + 1))
  await send(ada, id, 10, bytes.subarray(10, 5 * MB))
  await send(ada, id, 5 * MB, bytes.subarray(5 * MB, 5 * MB + 10))
  expect(await one('SELECT next_part AS n FROM uploads WHERE file_id = ?', id)).toEqual({ n: 2 })
  expect((await send(ada, id, 5 * MB + 10, bytes.subarray(5 * MB + 10))).status).toBe(204)
  expect((await ada('GET', `/files/${id}`)).body.sha256).toBe(sha256(bytes))
})

test('an upload whose object was complete before the database heard of it ends with its last piece', async () => {
  const ada = await signIn()
  const bytes = bytesOf(7 * MB)
  const id = await begun(ada, bytes.length)
  await send(ada, id, 0, bytes.subarray(0, 5 * MB))
  const file = await one<{ object_key: string; upload_id: string }>('SELECT * FROM files WHERE id = ?', id)
  const part = await one<{ number: number; etag: string }>('SELECT * FROM upload_parts WHERE file_id = ?', id)
  // As a server does that dies then.
  const upload = env.FILES.resumeMultipartUpload(file!.object_key, file!.upload_id)
  const last = await upload.uploadPart(9, bytes.subarray(5 * MB))
  await upload.complete([{ partNumber: part!.number, etag: part!.etag }, last])
  expect((await send(ada, id, 5 * MB, bytes.subarray(5 * MB))).status).toBe(204)
  expect((await ada('GET', `/files/${id}`)).body.sha256).toBe(sha256(bytes))
})

test('an upload has room for all of it from its beginning, and gives it back when it is given up or expires', async () => {
  const ada = await signIn()
  // Of the plan `free`.
  const room = 104_857_600
  expect(await begin(ada, room + 1)).toMatchObject({ status: 402, body: { code: 'storage_limit_reached' } })
  const at = await Promise.all(countTo(6).map(() => begin(ada, 40 * MB)))
  expect(at.filter(({ status }) => status === 201)).toHaveLength(2)
  expect(await used(ada)).toBe(80 * MB)
  const [one, two] = at.filter(({ status }) => status === 201).map(({ headers }) => headers.get('location')!.slice(16))
  for (const id of [one!, two!]) await send(ada, id, 0, bytesOf(6 * MB))
  expect(await rests(one!)).toBe(1)
  expect((await ada('DELETE', `/uploads/${one}`, undefined, { headers: TUS })).status).toBe(204)
  expect([await used(ada), await rests(one!)]).toEqual([40 * MB, 0])
  expect((await stateOf(ada, one!)).status).toBe(404)
  expect((await send(ada, one!, 6 * MB, 'x')).status).toBe(404)
  expect((await ada('DELETE', `/uploads/${one}`, undefined, { headers: TUS })).status).toBe(404)
  const expiry = new Date((await stateOf(ada, two!)).headers.get('upload-expires')!).getTime()
  await runChores(new Date(expiry - 60_000))
  expect((await stateOf(ada, two!)).status).toBe(200)
  await runChores(new Date(expiry + 60_000))
  expect((await stateOf(ada, two!)).status).toBe(404)
  expect([await used(ada), await rests(two!)]).toEqual([0, 0])
  expect(await countOf('upload_parts WHERE file_id = ?', two)).toBe(0)
})

test('an account takes its uploads along', async () => {
  const ada = await signIn()
  const id = await begun(ada, 9 * MB)
  await send(ada, id, 0, bytesOf(6 * MB))
  await ada('DELETE', '/users/me', { password: 'correct-horse-battery' })
  expect(await countOf('files WHERE user_id = ?', ada.user.id)).toBe(0)
  expect([await countOf('uploads WHERE file_id = ?', id), await rests(id)]).toEqual([0, 0])
})

test("another user's upload looks missing by every method", async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await begun(ada, 10)
  expect((await stateOf(bob, id)).status).toBe(404)
  expect((await send(bob, id, 0, 'x')).status).toBe(404)
  expect((await bob('DELETE', `/uploads/${id}`, undefined, { headers: TUS })).status).toBe(404)
  // A file is no upload that could be given up.
  const { body: file } = await ada('PUT', '/upload?filename=a', undefined, { raw: 'abc' })
  expect((await ada('DELETE', `/uploads/${file.id}`, undefined, { headers: TUS })).status).toBe(404)
  expect((await ada('GET', `/files/${file.id}`)).status).toBe(200)
})
