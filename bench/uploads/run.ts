import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { growthDuring } from './process-memory.ts'

// npm run bench:uploads: what uploads take of the Worker's memory, and that they come back as they went. 90 MB go as a form,
// 1 GB in pieces by tus. The simulators of D1 and R2 are in the same processes, so this is more than the Worker has. They come
// back in ranges: the simulator of R2 holds what of a whole object was not taken yet, also for a Worker that only hands it on.
const MB = 1e6
const FORM_BYTES = 90 * MB
const TUS_BYTES = 1_000 * MB
const PIECE_BYTES = 50 * MB
const WARM_UP = 4
const vars = { PASSWORD_COST: '4', UPGRADE_POLICY: 'open' }

const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
try {
  const server = await startServer({ persistTo: join(folder, 'state'), vars })
  await bench(server).finally(server.stop)
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function bench({ url, pid }: LocalServer): Promise<void> {
  const ask = await userOf(url)
  await ask('POST', '/user/upgrade', JSON.stringify({ plan: 'team' }), { 'content-type': 'application/json' })
  // What is loaded once is no growth, nor is what the allocator keeps for itself: it takes some uploads until that is steady.
  for (let round = 1; round <= WARM_UP; round++) {
    await uploadForm(ask, FORM_BYTES)
    await uploadByTus(ask, 2 * PIECE_BYTES)
  }
  for (const [name, bytes, upload] of [
    ['90 MB as a form', FORM_BYTES, uploadForm],
    ['1 GB by tus', TUS_BYTES, uploadByTus],
  ] as const) {
    let file: Uploaded | undefined
    const startedAt = performance.now()
    const growth = await growthDuring(pid, async () => {
      file = await upload(ask, bytes)
    })
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    const reading = await growthDuring(pid, async () => {
      const hash = createHash('sha256')
      for (let at = 0; at < bytes; at += PIECE_BYTES) {
        const range = `bytes=${at}-${at + PIECE_BYTES - 1}`
        const { body } = await ask('GET', `/files/${file!.id}/content`, undefined, { range })
        for await (const chunk of body!) hash.update(chunk)
      }
      if (hash.digest('hex') !== file!.sha256) throw new Error(`${name} did not come back as it went`)
    })
    const [up, back] = [growth, reading].map(
      ({ most, last }) => `${most.toFixed(0)} MB (${last.toFixed(0)} at its end)`,
    )
    console.log(`${name}: ${seconds} s, memory grows by ${up}; by ${back} while it is read`)
  }
}

type Ask = Awaited<ReturnType<typeof userOf>>
type Uploaded = { id: string; sha256: string }

async function userOf(url: string) {
  const email = `u${crypto.randomUUID()}@example.com`
  const response = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: 'correct-horse-battery' }),
  })
  const { access_token } = (await response.json()) as { access_token: string }
  return async (method: string, path: string, body?: BodyInit, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/api/v1${path.replace(/^\/api\/v1/, '')}`, {
      method,
      body,
      headers: { authorization: `Bearer ${access_token}`, ...headers },
      duplex: 'half',
    } as RequestInit)
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }
}

async function uploadForm(ask: Ask, size: number): Promise<Uploaded> {
  const hash = createHash('sha256')
  const encode = (text: string) => new TextEncoder().encode(text)
  async function* form() {
    yield encode('--XX\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n')
    for (const chunk of chunksOf(0, size)) {
      hash.update(chunk)
      yield chunk
    }
    yield encode('\r\n--XX--\r\n')
  }
  const answer = await ask('POST', '/upload', form() as unknown as BodyInit, {
    'content-type': 'multipart/form-data; boundary=XX',
  })
  return checked((await answer.json()) as Uploaded, hash.digest('hex'))
}

async function uploadByTus(ask: Ask, size: number): Promise<Uploaded> {
  const tus = { 'tus-resumable': '1.0.0' }
  const created = await ask('POST', '/uploads', undefined, { ...tus, 'upload-length': String(size) })
  const path = new URL(created.headers.get('location')!, 'http://here').pathname
  const hash = createHash('sha256')
  for (let at = 0; at < size; at += PIECE_BYTES) {
    const piece = Buffer.concat([...chunksOf(at, Math.min(size, at + PIECE_BYTES))])
    hash.update(piece)
    await ask('PATCH', path, piece, {
      ...tus,
      'upload-offset': String(at),
      'content-type': 'application/offset+octet-stream',
    })
  }
  const file = await ask('GET', `/files/${path.split('/').at(-1)}`)
  return checked((await file.json()) as Uploaded, hash.digest('hex'))
}

function checked(file: Uploaded, sha256: string): Uploaded {
  if (file.sha256 !== sha256) throw new Error('The server has another SHA-256')
  return file
}

/** Bytes that are everywhere other ones, without a gigabyte of chance. */
function* chunksOf(from: number, to: number): Generator<Uint8Array> {
  const size = 64 * 1024
  for (let at = from; at < to; at += size) {
    const words = new Uint32Array(size / 4)
    for (let word = 0; word < words.length; word++) words[word] = Math.imul(at / 4 + word, 2_654_435_761)
    yield new Uint8Array(words.buffer).subarray(0, Math.min(size, to - at))
  }
}
