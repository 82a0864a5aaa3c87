import { api, authorizedFetch, type Schemas } from './client.ts'
import { problemOf, toProblem } from './problem.ts'
import { myId, tokenOf } from './session.ts'

/** The content of whatever is at a path of the API. @throws Problem, TypeError */
export async function download(path: string): Promise<Blob> {
  const response = await authorizedFetch(new Request(new URL(path, location.origin)))
  if (!response.ok) throw await problemOf(response)
  return response.blob()
}

/**
 * Stores a file, and tells how much of it, from 0 to 1, has been sent. What is sent again under `key` is stored once.
 * @throws Problem when it is refused, TypeError when there is no answer, Error when its user is signed in no more
 */
export async function upload(
  file: File,
  key: string,
  onProgress?: (share: number) => void,
  signal?: AbortSignal,
): Promise<Schemas['File']> {
  // A file is nobody's but whose it was when it was chosen.
  const asker = myId.value
  const token = await tokenOf(asker)
  if (token === undefined) throw new Error(SIGNED_OUT)
  const first = await send(file, key, token, onProgress, signal)
  if (first.status !== 401) return storedFile(first)
  const fresh = await tokenOf(asker, token)
  if (fresh === undefined) throw new Error(SIGNED_OUT)
  return storedFile(await send(file, key, fresh, onProgress, signal))
}

const SIGNED_OUT = 'You are signed out: the file was not stored'

/** Takes a file away. What stays behind when this fails, its user finds among the files. */
export function discard(id: string): void {
  api.DELETE('/api/v1/files/{id}', { params: { path: { id } } }).catch(() => {})
}

/** `fetch` does not tell what has been sent. */
function send(file: File, key: string, token: string, onProgress?: (share: number) => void, signal?: AbortSignal) {
  return new Promise<XMLHttpRequest>((resolve, reject) => {
    signal?.throwIfAborted()
    const request = new XMLHttpRequest()
    request.open('PUT', `/api/v1/upload?filename=${encodeURIComponent(file.name)}`)
    request.setRequestHeader('authorization', `Bearer ${token}`)
    request.setRequestHeader('idempotency-key', key)
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.onprogress = ({ loaded, total }) => onProgress?.(total > 0 ? loaded / total : 0)
    request.onload = () => resolve(request)
    request.onerror = request.onabort = () => reject(new TypeError('No answer'))
    signal?.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}

function storedFile({ status, responseText }: XMLHttpRequest): Schemas['File'] {
  const body: unknown = parsed(responseText)
  if (status === 201) return body as Schemas['File']
  throw toProblem(new Response(null, { status }), body)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
