import { setTimeout as sleep } from 'node:timers/promises'

/** `raw` goes as it is, `body` as JSON. */
type Init = {
  method?: string
  body?: object
  raw?: Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
  signal?: AbortSignal
}

export type ServerUser = Awaited<ReturnType<typeof signIn>>

/** A fresh user of the server at `url`. */
export async function signIn(url: string) {
  const username = `u${crypto.randomUUID().slice(0, 12)}`
  const request = async (token: string | undefined, path: string, { body, raw, ...init }: Init = {}) =>
    fetch(`${url}/api/v1${path}`, {
      method: body ? 'POST' : 'GET',
      body: raw ?? (body && JSON.stringify(body)),
      ...init,
      headers: {
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
        ...init.headers,
      },
    })
  const registered = await request(undefined, '/auth/register', {
    body: { username, password: 'correct-horse-battery' },
  })
  const { access_token: token } = (await registered.json()) as { access_token: string }
  return {
    token,
    open: (path: string, init?: Init) => request(token, path, init),
    // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
    json: async (path: string, init?: Init): Promise<any> => (await request(token, path, init)).json(),
  }
}

/** A fresh conversation's id. */
export async function startConversation(user: ServerUser): Promise<string> {
  return (await user.json('/conversations', { body: {} })).id
}

/** Waits until `check` gives something, `ms` at the most. */
export async function until<T>(ms: number, check: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    const value = await check()
    if (value) return value
  }
  throw new Error(`Waited for ${ms} ms in vain`)
}
