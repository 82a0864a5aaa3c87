import { env } from 'cloudflare:workers'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { storeFile } from '../../src/features/files/service/upload.ts'
import { type Answer, client, countOf, countTo, one, PNG, runChores, type SignedIn, signIn } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

/** A form with these parts; `file` is the usual field. */
function form(...parts: { name?: string; filename?: string; content: string | Uint8Array }[]) {
  const data = new FormData()
  for (const { name = 'file', filename, content } of parts) {
    if (filename === undefined) data.append(name, content as string)
    else data.append(name, new Blob([content]), filename)
  }
  return data
}

const upload = (user: SignedIn, content: string | Uint8Array, filename = 'a.txt', headers?: Record<string, string>) =>
  user('POST', '/upload', undefined, { raw: form({ filename, content }), headers })

/** A body written by hand; `\n` stands for the line ends of a form. */
const rawForm = (user: SignedIn, body: string, type = 'multipart/form-data; boundary=XX') =>
  user('POST', '/upload', undefined, { raw: body.replaceAll('\n', '\r\n'), headers: { 'content-type': type } })

const put = (user: SignedIn, content: BodyInit, filename = 'a.txt', headers?: Record<string, string>) =>
  user('PUT', `/upload?filename=${encodeURIComponent(filename)}`, undefined, { raw: content, headers })

const bytesOf = async (user: SignedIn, id: string, headers?: Record<string, string>, method = 'GET') => {
  const response = await user.open(method, `/files/${id}/content`, undefined, { headers })
  return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) }
}

const sha256 = async (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const objects = async () => (await env.FILES.list({ prefix: 'files/' })).objects.length
const setPlan = async ({ user }: SignedIn, storage: number, file = storage) => {
  const id = `f-${crypto.randomUUID().slice(0, 20)}`
  await env.DB.batch([
    env.DB.prepare(`INSERT INTO plans VALUES (?, 1000, 1000000, 1000, 10, ?, ?, '["basic"]')`).bind(id, storage, file),
    env.DB.prepare('UPDATE users SET plan = ? WHERE id = ?').bind(id, user.id),
  ])
}
const use = ({ user }: SignedIn) => one('SELECT bytes, files FROM storage_use WHERE user_id = ?', user.id)

test('a file is uploaded as a form, listed, read back byte by byte, and deleted', async () => {
  const ada = await signIn()
  const { status, headers, body } = await upload(ada, PNG, 'tiny.png')
  expect({ status, body }).toMatchObject({
    status: 201,
    body: { filename: 'tiny.png', file_size: PNG.length, mime_type: 'image/png', kind: 'image' },
  })
  expect(body.file_path).toBe(`/api/v1/files/${body.id}/content`)
  expect(headers.get('location')).toBe(`/api/v1/files/${body.id}`)
  expect(body.sha256).toBe(await sha256(PNG))
  expect((await ada('GET', '/files')).body).toEqual([body])
  expect((await ada('GET', `/files/${body.id}`)).body).toEqual(body)
  const content = await bytesOf(ada, body.id)
  expect(content.bytes).toEqual(PNG)
  expect(Object.fromEntries(content.headers)).toMatchObject({
    'content-type': 'image/png',
    'content-disposition': `inline; filename="tiny.png"; filename*=UTF-8''tiny.png`,
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    etag: `"${body.sha256}"`,
    'accept-ranges': 'bytes',
  })
  expect((await ada('GET', '/user/usage')).body.storage.used).toBe(PNG.length)
  expect((await ada('DELETE', `/files/${body.id}`)).status).toBe(204)
  expect((await ada('GET', `/files/${body.id}`)).status).toBe(404)
  expect((await bytesOf(ada, body.id)).status).toBe(404)
  expect((await ada('GET', '/user/usage')).body.storage.used).toBe(0)
  expect(await countOf('files WHERE user_id = ?', ada.user.id)).toBe(0)
})

test('a file is put as the body of a request, with its length', async () => {
  const ada = await signIn()
  const { status, body } = await put(ada, 'Hello', 'notes.md')
  expect({ status, body }).toMatchObject({
    status: 201,
    body: { mime_type: 'text/markdown', kind: 'text', file_size: 5 },
  })
  const endless = new ReadableStream({ start: (controller) => controller.close() })
  expect(await put(ada, endless)).toMatchObject({ status: 400, body: { code: 'bad_request' } })
  expect(await ada('PUT', '/upload', undefined, { raw: 'x' })).toMatchObject({ status: 422 })
})

test('large files go through in parts, and come back equal', async () => {
  const ada = await signIn()
  await setPlan(ada, 100_000_000)
  const bytes = new Uint8Array(12 * 1024 * 1024 + 7)
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  for (const { status, body } of [await upload(ada, bytes, 'a.bin'), await put(ada, bytes, 'b.bin')]) {
    expect({ status, body }).toMatchObject({ status: 201, body: { file_size: bytes.length, kind: 'other' } })
    expect(body.sha256).toBe(await sha256(bytes))
    const content = await bytesOf(ada, body.id)
    expect(await sha256(content.bytes)).toBe(body.sha256)
  }
})

test('ranges and conditions are answered as RFC 9110 says', async () => {
  const ada = await signIn()
  const { body: file } = await put(ada, '0123456789', 'digits.txt')
  const etag = `"${file.sha256}"`
  const cases: [Record<string, string>, number, string, string?][] = [
    [{ range: 'bytes=0-3' }, 206, '0123', 'bytes 0-3/10'],
    [{ range: 'bytes=7-' }, 206, '789', 'bytes 7-9/10'],
    [{ range: 'bytes=-2' }, 206, '89', 'bytes 8-9/10'],
    [{ range: 'bytes=5-99' }, 206, '56789', 'bytes 5-9/10'],
    [{ range: 'bytes=-99' }, 206, '0123456789', 'bytes 0-9/10'],
    [{ range: 'bytes=0-1,4-5' }, 200, '0123456789'],
    [{ range: 'bytes=4-2' }, 200, '0123456789'],
    [{ range: 'pages=1-2' }, 200, '0123456789'],
    [{ range: 'bytes=2-3', 'if-range': etag }, 206, '23', 'bytes 2-3/10'],
    [{ range: 'bytes=2-3', 'if-range': '"other"' }, 200, '0123456789'],
    [{ 'if-none-match': etag }, 304, ''],
    [{ 'if-none-match': `"a", W/${etag}` }, 304, ''],
    [{ 'if-none-match': '"other"' }, 200, '0123456789'],
    [{ 'if-modified-since': new Date().toUTCString() }, 304, ''],
    [{ 'if-match': etag }, 200, '0123456789'],
  ]
  for (const [headers, status, text, range] of cases) {
    const answer = await bytesOf(ada, file.id, headers)
    expect([headers, answer.status, new TextDecoder().decode(answer.bytes)]).toEqual([headers, status, text])
    expect(answer.headers.get('content-range')).toBe(range ?? null)
    if (status !== 304) expect(answer.headers.get('content-length')).toBe(String(text.length))
  }
  const unsatisfiable = await bytesOf(ada, file.id, { range: 'bytes=10-' })
  expect([unsatisfiable.status, unsatisfiable.headers.get('content-range')]).toEqual([416, 'bytes */10'])
  expect((await bytesOf(ada, file.id, { 'if-match': '"other"' })).status).toBe(412)
  // Ranges are of GET alone.
  const head = await bytesOf(ada, file.id, { range: 'bytes=2-3' }, 'HEAD')
  expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, '10', 0])
  const { body: empty } = await put(ada, '', 'empty')
  expect(await bytesOf(ada, empty.id)).toMatchObject({ status: 200, bytes: new Uint8Array() })
})

test('only harmless types are shown, by their bytes and not by their names', async () => {
  const ada = await signIn()
  const cases: [string, string | Uint8Array, string, string][] = [
    ['picture.png', '<script>alert(1)</script>', 'text/plain', 'inline'],
    ['page.html', '<!doctype html><script>alert(1)</script>', 'text/html', 'attachment'],
    [
      'drawing.svg',
      '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
      'image/svg+xml',
      'attachment',
    ],
    ['notes.txt', PNG, 'image/png', 'inline'],
    ['paper.txt', '%PDF-1.7\n%âãÏÓ\n', 'application/pdf', 'attachment'],
    ['data.json', '{"a":1}', 'application/json', 'attachment'],
    ['binary.txt', new Uint8Array([1, 2, 3, 0, 255]), 'application/octet-stream', 'attachment'],
  ]
  for (const [name, content, type, disposition] of cases) {
    const { body } = await upload(ada, content, name)
    expect([name, body.mime_type]).toEqual([name, type])
    const { headers } = await bytesOf(ada, body.id)
    expect([name, headers.get('content-disposition')!.split(';')[0]]).toEqual([name, disposition])
    if (disposition === 'attachment') expect(headers.get('content-type')).toBe('application/octet-stream')
  }
  expect((await ada('GET', '/files?type=image')).body).toHaveLength(2)
  expect((await ada('GET', '/files?type=text')).body).toHaveLength(3)
  expect((await ada('GET', '/files?type=nonsense')).status).toBe(422)
})

test('hostile names are shown as what is left of them, and break no header', async () => {
  const ada = await signIn()
  const cases: [string, string][] = [
    ['../../etc/passwd', 'passwd'],
    ['C:\\temp\\a.txt', 'a.txt'],
    ['a\r\nset-cookie: x=1.txt', 'aset-cookie: x=1.txt'],
    ['a\0b.txt', 'ab.txt'],
    ['\u202Etxt.exe', 'txt.exe'],
    ['quote".txt', 'quote".txt'],
    ['Übung 日本 😀.txt', 'Übung 日本 😀.txt'],
    ['..', 'file'],
    ['   ', 'file'],
    [`${'n'.repeat(5_000 - 4)}.txt`, `${'n'.repeat(196)}.txt`],
  ]
  for (const [given, shown] of cases) {
    const { status, body } = await put(ada, 'x', given)
    expect([given, status, body.filename]).toEqual([given, 201, shown])
    const { headers } = await bytesOf(ada, body.id)
    const disposition = headers.get('content-disposition')!
    expect(disposition).toMatch(/^(inline|attachment); filename="[\x20-\x7e]*"; filename\*=UTF-8''[!-~]+$/)
    expect(decodeURIComponent(disposition.split("UTF-8''")[1]!)).toBe(shown)
  }
})

test('what is no form, or not with one file, gets its own 4xx, and leaves nothing', async () => {
  const ada = await signIn()
  const before = await objects()
  const part = (name: string, filename = 'a.txt') =>
    `--XX\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\n\nhello\n`
  const cases: [string, Promise<Answer>, number][] = [
    ['no boundary', rawForm(ada, part('file'), 'multipart/form-data'), 400],
    ['another type', rawForm(ada, 'hello', 'text/plain'), 415],
    ['nothing', rawForm(ada, ''), 400],
    ['no form', rawForm(ada, 'just text'), 400],
    ['breaks off', rawForm(ada, part('file')), 400],
    ['breaks off in a header', rawForm(ada, '--XX\nContent-Disposition: form-da'), 400],
    ['another boundary', rawForm(ada, `${part('file')}--YY--\n`), 400],
    ['no file', rawForm(ada, '--XX\nContent-Disposition: form-data; name="file"\n\nhello\n--XX--\n'), 422],
    ['another field', rawForm(ada, `${part('picture')}--XX--\n`), 422],
    ['two files', rawForm(ada, `${part('file')}${part('file')}--XX--\n`), 422],
    [
      'ten thousand parts',
      rawForm(ada, `${part('file')}${'--XX\nContent-Disposition: form-data; name="x"\n\n\n'.repeat(10_000)}--XX--\n`),
      422,
    ],
    ['no name', rawForm(ada, '--XX\nContent-Disposition: form-data; filename="a"\n\nhello\n--XX--\n'), 422],
    ['an endless header', rawForm(ada, `--XX\nX-Long: ${'a'.repeat(200_000)}\n\nhello\n--XX--\n`), 422],
  ]
  for (const [what, answer, status] of cases) expect([what, (await answer).status]).toEqual([what, status])
  expect(await countOf('files WHERE user_id = ?', ada.user.id)).toBe(0)
  expect(await use(ada)).toEqual({ bytes: 0, files: 0 })
  expect(await objects()).toBe(before)
})

test('a form may spell the name of its file in every way, and come in any pieces', async () => {
  const ada = await signIn()
  const body = (disposition: string) =>
    `preamble\r\n--XX\r\nContent-Disposition: form-data; name="file"; ${disposition}\r\n\r\nhe\r\n--Xllo\r\n--XX--\r\nepilogue`
  const names: [string, string][] = [
    ['filename="日本 😀.txt"', '日本 😀.txt'],
    // RFC 7578, section 4.2: the other form is not for this place.
    [`filename="a.txt"; filename*=UTF-8''%E2%82%AC.txt`, 'a.txt'],
    ['filename=plain.txt', 'plain.txt'],
    ['filename="a\\"b.txt"', 'a"b.txt'],
    ['filename=""', 'file'],
  ]
  const headers = { 'content-type': 'multipart/form-data; boundary=XX' }
  for (const [disposition, name] of names) {
    const answer = await ada('POST', '/upload', undefined, { raw: body(disposition), headers })
    expect([disposition, answer.status, answer.body.filename]).toEqual([disposition, 201, name])
    expect(answer.body.file_size).toBe(10)
  }
  const bytes = new TextEncoder().encode(body('filename="a"'))
  for (const step of [1, 2, 3, 5, 7, 11, 64]) {
    const raw = new ReadableStream({
      async start(controller) {
        for (let at = 0; at < bytes.length; at += step) {
          controller.enqueue(bytes.slice(at, at + step))
          if (at % 16 === 0) await new Promise((resolve) => setTimeout(resolve))
        }
        controller.close()
      },
    })
    const { status, body } = await ada('POST', '/upload', undefined, { raw, headers })
    expect([step, status, body.file_size]).toEqual([step, 201, 10])
  }
})

test('a field beside the file is no matter', async () => {
  const ada = await signIn()
  const raw = form(
    { name: 'note', content: 'hello' },
    { filename: 'a.txt', content: 'file' },
    { name: 'more', content: 'x' },
  )
  expect(await ada('POST', '/upload', undefined, { raw })).toMatchObject({ status: 201, body: { file_size: 4 } })
})

test('a file that is too large, or finds no room, is refused, and takes none', async () => {
  const ada = await signIn()
  await setPlan(ada, 1_000, 600)
  const before = await objects()
  for (const answer of [await upload(ada, 'x'.repeat(601)), await put(ada, 'x'.repeat(601))]) {
    expect(answer).toMatchObject({ status: 413, body: { code: 'too_large' } })
  }
  expect((await put(ada, 'x'.repeat(600))).status).toBe(201)
  for (const answer of [await upload(ada, 'x'.repeat(401)), await put(ada, 'x'.repeat(401))]) {
    expect(answer).toMatchObject({ status: 402, body: { code: 'storage_limit_reached', limit: 1_000 } })
  }
  expect((await upload(ada, 'x'.repeat(400))).status).toBe(201)
  expect((await put(ada, 'x')).status).toBe(402)
  expect(await use(ada)).toEqual({ bytes: 1_000, files: 2 })
  expect(await objects()).toBe(before + 2)
})

test('of twenty uploads at once with room for five, five are stored', async () => {
  const ada = await signIn()
  await setPlan(ada, 5_000)
  const statuses = (await Promise.all(countTo(20).map(() => put(ada, 'x'.repeat(1_000))))).map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(5)
  expect(statuses.filter((status) => status === 402)).toHaveLength(15)
  expect(await use(ada)).toEqual({ bytes: 5_000, files: 5 })
  expect(await countOf("files WHERE user_id = ? AND state = 'ready'", ada.user.id)).toBe(5)
})

test('ten thousand files are an account full', async () => {
  const ada = await signIn()
  await put(ada, 'one')
  await env.DB.prepare('UPDATE storage_use SET files = 10000 WHERE user_id = ?').bind(ada.user.id).run()
  expect(await put(ada, 'more')).toMatchObject({ status: 402, body: { code: 'storage_limit_reached', limit: 10_000 } })
})

test('when the file store fails, wherever, it is said and nothing is left', async () => {
  const ada = await signIn()
  await setPlan(ada, 100_000_000)
  const before = await objects()
  const { ctx } = ctxOf(ada)
  const fails = async () => {
    throw new Error('R2 is away')
  }
  const large = new Uint8Array(6 * 1024 * 1024)
  const upload = (content: Uint8Array, faults: object) => {
    const bucket = new Proxy(env.FILES, {
      get: (target, name) => {
        const own = Reflect.get({ ...faults }, name) ?? Reflect.get(target, name)
        return typeof own === 'function' ? own.bind(target) : own
      },
    })
    async function* chunks() {
      yield content
    }
    const given = { name: 'a', minBytes: 0, maxBytes: content.length, content: chunks() }
    return storeFile({ ...ctx, bucket }, given, undefined).catch((error) => error.code)
  }
  const broken = async (key: string) => {
    const real = await env.FILES.createMultipartUpload(key)
    return { ...real, uploadId: real.uploadId, uploadPart: fails, complete: fails, abort: () => real.abort() }
  }
  const cases: [Uint8Array, object][] = [
    [new Uint8Array(3), { put: fails }],
    [large, { createMultipartUpload: fails }],
    [large, { createMultipartUpload: broken }],
    // What comes back is not what was sent.
    [large, { get: async () => null }],
  ]
  for (const [content, faults] of cases) expect(await upload(content, faults)).toBe('file_store_failed')
  expect(await use(ada)).toEqual({ bytes: 0, files: 0 })
  expect(await objects()).toBe(before)
})

test('the same key stores a file once', async () => {
  const ada = await signIn()
  const headers = { 'idempotency-key': 'once' }
  const first = await put(ada, 'Hello', 'a.txt', headers)
  const second = await put(ada, 'Hello', 'a.txt', headers)
  expect(second.body).toEqual(first.body)
  expect(second.headers.get('idempotency-replayed')).toBe('true')
  for (const other of ['Other one', 'hello']) {
    expect((await put(ada, other, 'a.txt', headers)).body.code).toBe('idempotency_key_reused')
  }
  const together = await Promise.all(countTo(5).map(() => put(ada, 'Hi', 'b.txt', { 'idempotency-key': 'together' })))
  expect(new Set(together.map(({ body }) => body.id)).size).toBe(1)
  expect(await use(ada)).toEqual({ bytes: 7, files: 2 })
})

test("another user's file looks missing on every path", async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const { body: file } = await put(ada, 'Secret')
  for (const [method, path] of [
    ['GET', `/files/${file.id}`],
    ['GET', `/files/${file.id}/content`],
    ['DELETE', `/files/${file.id}`],
  ] as const) {
    expect(await bob(method, path, undefined, { headers: { range: 'bytes=0-1' } })).toMatchObject({ status: 404 })
  }
  expect((await bob('GET', '/files')).body).toEqual([])
  expect((await client()('GET', `/files/${file.id}/content`)).status).toBe(401)
  expect((await bytesOf(ada, file.id)).status).toBe(200)
})

test('an upload that its client leaves takes no room', async () => {
  const ada = await signIn()
  const before = await objects()
  const abort = new AbortController()
  const body = new ReadableStream<Uint8Array>({
    start: (controller) =>
      controller.enqueue(
        new TextEncoder().encode('--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhello'),
      ),
  })
  const headers = { 'content-type': 'multipart/form-data; boundary=XX' }
  const sending = ada.open('POST', '/upload', undefined, { raw: body, headers, signal: abort.signal }).catch(() => {})
  await expect.poll(() => countOf('files WHERE user_id = ?', ada.user.id)).toBe(1)
  abort.abort()
  await sending
  await expect.poll(() => countOf('files WHERE user_id = ?', ada.user.id)).toBe(0)
  expect(await use(ada)).toEqual({ bytes: 0, files: 0 })
  expect(await objects()).toBe(before)
})

test('the sweeper removes uploads that never ended, tombstones, and objects without a row, and leaves all others', async () => {
  const ada = await signIn()
  const { body: kept } = await put(ada, 'kept')
  const { body: tomb } = await put(ada, 'deleted')
  const now = Date.now()
  const pending = (id: string, key: string, touched: number) =>
    env.DB.prepare(
      `INSERT INTO files (id, user_id, state, name, size, media_type, kind, object_key, created_at, sweep_at)
       VALUES (?, ?, 'pending', 'x', 10, '', 'other', ?, ?, ?)`,
    ).bind(id, ada.user.id, key, touched, touched)
  await env.DB.batch([
    pending('dead', 'files/dead', now - 60_000),
    pending('live', 'files/live', now + 3_600_000),
    env.DB.prepare("UPDATE files SET state = 'deleted', sweep_at = 0 WHERE id = ?").bind(tomb.id),
  ])
  for (const key of ['files/dead', 'files/live', 'files/~lost']) await env.FILES.put(key, 'x')
  await runChores(new Date(Math.ceil(now / 600_000) * 600_000))
  expect(await countOf('files WHERE user_id = ?', ada.user.id)).toBe(2)
  expect(await env.FILES.head('files/dead')).toBe(null)
  expect(await env.FILES.head('files/live')).not.toBe(null)
  // It is not an hour old yet.
  expect(await env.FILES.head('files/~lost')).not.toBe(null)
  expect((await bytesOf(ada, kept.id)).status).toBe(200)
  expect(await use(ada)).toEqual({ bytes: 14, files: 2 })
  const later = new Date(Math.ceil((now + 3_700_000) / 600_000) * 600_000)
  await expect
    .poll(async () => {
      await runChores(later)
      return env.FILES.head('files/~lost')
    })
    .toBe(null)
  expect((await bytesOf(ada, kept.id)).status).toBe(200)
})

test('a file whose object is lost says so', async () => {
  const ada = await signIn()
  const { body: file } = await put(ada, 'Hello')
  const { key } = (await one<{ key: string }>('SELECT object_key AS key FROM files WHERE id = ?', file.id))!
  await env.FILES.delete(key)
  expect(await ada('GET', `/files/${file.id}/content`)).toMatchObject({
    status: 404,
    body: { code: 'file_content_missing' },
  })
})

test('an account takes its files along', async () => {
  const ada = await signIn()
  await put(ada, 'One')
  await upload(ada, PNG)
  const before = await objects()
  expect(await ada('DELETE', '/users/me', { password: 'correct-horse-battery' })).toMatchObject({
    status: 200,
    body: { files: 2 },
  })
  expect(await countOf('files WHERE user_id = ?', ada.user.id)).toBe(0)
  expect(await objects()).toBe(before - 2)
})
