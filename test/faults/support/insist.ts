import { setTimeout as sleep } from 'node:timers/promises'

/** A client waits so long for an answer, or for the next byte of one. */
export const PATIENCE_MS = 8_000
/** So long it comes back. */
const GIVE_UP_MS = 90_000
const PAUSE_MS = 150

// biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
export type Answer = { status: number; body: any; headers: Headers }
export type Ask = {
  method?: string
  json?: object
  bytes?: Uint8Array<ArrayBuffer>
  form?: () => FormData
  headers?: Record<string, string>
  /** How long this one waits, when not PATIENCE_MS. */
  patienceMs?: number
}

/** What no client may ever be told, or see. */
export class Breach extends Error {}

/** How often a request had to be repeated. */
export const repeats = { count: 0 }

/** A client of the server behind `url`: it repeats what is not answered, unchanged, as clients do that lost the connection. */
export function clientOf(url: string, token?: string) {
  async function once(path: string, { method, json, bytes, form, headers, patienceMs }: Ask): Promise<Response> {
    return fetch(url + path, {
      method: method ?? (json || bytes || form ? 'POST' : 'GET'),
      body: json ? JSON.stringify(json) : (bytes ?? form?.()),
      headers: {
        ...(json && { 'content-type': 'application/json' }),
        ...(bytes && { 'content-type': 'application/octet-stream' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      signal: AbortSignal.timeout(patienceMs ?? PATIENCE_MS),
    })
  }

  /** Asks until there is an answer that is final. Bodies are read by `read`; what breaks off in one is asked for again. */
  async function insist<T>(path: string, ask: () => Ask, read: (response: Response) => Promise<T>): Promise<T> {
    for (const end = Date.now() + GIVE_UP_MS; Date.now() < end; repeats.count++) {
      try {
        const response = await once(path, ask())
        if (response.status === 500) throw new Breach(`${path} answered 500: ${await response.text()}`)
        if (!(await isPassing(response))) return await read(response)
      } catch (error) {
        if (error instanceof Breach) throw error
      }
      await sleep(PAUSE_MS)
    }
    throw new Breach(`${path} was not answered for ${GIVE_UP_MS / 1_000} s`)
  }

  return {
    once,
    stream: insist,
    /** The answer to a request with a body that fits into memory. */
    ask: (path: string, ask: Ask = {}): Promise<Answer> =>
      insist(
        path,
        () => ask,
        async (response) => {
          const text = await response.text()
          const isJson = /json/.test(response.headers.get('content-type') ?? '')
          return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers }
        },
      ),
  }
}

export type Client = ReturnType<typeof clientOf>

/** It says that the same may be asked again. What names a run has begun one, and is the answer. */
async function isPassing(response: Response): Promise<boolean> {
  if (![409, 429, 503].includes(response.status)) return false
  const { code, run_id, error } = (await response
    .clone()
    .json()
    .catch(() => ({}))) as { code?: string; run_id?: string; error?: { run_id?: string } }
  if (response.status === 409) return code === 'conversation_busy' || code === 'run_active'
  return run_id === undefined && error?.run_id === undefined
}
