import { createHash } from 'node:crypto'
import { Upload } from 'tus-js-client'
import type { Actor } from '../support/crew.ts'
import { Breach, PATIENCE_MS } from '../support/insist.ts'
import { conversationOf } from './replies.ts'

const KB = 1024
const MB = 1024 * KB
const READY = 'SELECT state, sha256 FROM files WHERE id = ?'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Bytes that no other file has. */
function bytesOf({ random }: Actor, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 997) bytes[at] = Math.floor(random() * 256)
  return bytes
}

/** Uploads a file in one request, as the body or as a form. Its id and digest. */
async function upload(actor: Actor, size: number): Promise<string> {
  const { api, book, random, newKey } = actor
  const bytes = bytesOf(actor, size)
  const headers = { 'idempotency-key': newKey() }
  const form = () => {
    const data = new FormData()
    data.set('file', new File([bytes], 'a.bin'))
    return data
  }
  const { status, body } =
    random() < 0.5
      ? await api.ask('/api/v1/upload', { form, headers })
      : await api.ask('/api/v1/upload?filename=a.bin', { method: 'PUT', bytes, headers })
  if (status !== 201) throw new Breach(`an upload was answered ${status}: ${JSON.stringify(body)}`)
  book.note(`file ${body.id}`, READY, [body.id], { state: 'ready', sha256: sha256(bytes) })
  return body.id
}

/** Stores a file, and perhaps deletes it, or says something with it and deletes that. */
export async function storeFile(actor: Actor): Promise<void> {
  const { api, book, below, newKey } = actor
  const id = await upload(actor, below(8) === 0 ? 5 * MB + below(6 * MB) : below(200 * KB))
  const what = below(4)
  const isGone = () => book.note(`file ${id}`, `${READY} AND state = 'ready'`, [id], null)
  if (what === 0) {
    book.forget(`file ${id}`)
    const { status } = await api.ask(`/api/v1/files/${id}`, { method: 'DELETE' })
    if (status !== 204 && status !== 404) throw new Breach(`the deletion of a file was answered ${status}`)
    isGone()
  }
  if (what === 1) {
    const conversation = await conversationOf(actor)
    const headers = { 'idempotency-key': newKey() }
    const ask = { json: { content: `See ${newKey()}`, files: [id], reply: false }, headers }
    const { status, body } = await api.ask(`/api/v1/conversations/${conversation}/messages`, ask)
    if (status !== 201) throw new Breach(`a message with a file was answered ${status}: ${JSON.stringify(body)}`)
    book.note(`message ${body.id}`, 'SELECT content FROM messages WHERE id = ?', [body.id], {
      content: ask.json.content,
    })
    if (below(2) === 0) return
    for (const name of [`message ${body.id}`, `file ${id}`]) book.forget(name)
    const deleted = await api.ask(`/api/v1/messages/${body.id}`, { method: 'DELETE' })
    if (deleted.status !== 204 && deleted.status !== 404) throw new Breach(`a deletion was answered ${deleted.status}`)
    book.note(`message ${body.id}`, 'SELECT id FROM messages WHERE id = ?', [body.id], null)
    isGone()
  }
}

/** Uploads in pieces, with the client that people have for it: it goes on where it was. */
export async function uploadInPieces(actor: Actor): Promise<void> {
  const { url, token, book, below } = actor
  const bytes = bytesOf(actor, 6 * MB + below(6 * MB))
  const id = await new Promise<string>((resolve, reject) => {
    const upload = new Upload(Buffer.from(bytes), {
      endpoint: `${url}/api/v1/uploads`,
      headers: { authorization: `Bearer ${token}` },
      metadata: { filename: 'b.bin' },
      chunkSize: 2 * MB,
      retryDelays: Array.from({ length: 100 }, () => 300),
      onProgress: () => goOnWhenStuck(),
      onSuccess: () => {
        clearTimeout(stuck)
        resolve(upload.url!.split('/').at(-1)!)
      },
      onError: (error) => {
        clearTimeout(stuck)
        reject(new Breach(`an upload in pieces failed: ${error.message}`))
      },
    })
    // On a line that carries nothing and is not closed it would wait for ever.
    let stuck: NodeJS.Timeout
    const goOnWhenStuck = () => {
      clearTimeout(stuck)
      stuck = setTimeout(() => upload.abort().then(start), PATIENCE_MS)
    }
    const start = () => {
      upload.start()
      goOnWhenStuck()
    }
    start()
  })
  book.note(`file ${id}`, READY, [id], { state: 'ready', sha256: sha256(bytes) })
}

/** Files of the actor's, the newest hundred, whose bytes are not what their digest says. */
export async function brokenFiles({ api }: Actor): Promise<string[]> {
  const { body } = await api.ask('/api/v1/files?limit=100')
  const broken: string[] = []
  for (const file of body as { id: string; sha256: string }[]) {
    const digest = await api.stream(
      `/api/v1/files/${file.id}/content`,
      () => ({}),
      async (response) =>
        response.status === 200 ? sha256(new Uint8Array(await response.arrayBuffer())) : `status ${response.status}`,
    )
    if (digest !== file.sha256) broken.push(`the bytes of file ${file.id}: ${digest}`)
  }
  return broken
}
