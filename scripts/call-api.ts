const JSON_MS = 30_000

/** @throws Error with method, path, status and what the server said, unless the answer is a 2xx */
export async function send(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, init)
  if (response.ok) return response
  throw new Error(
    `${init.method ?? 'GET'} ${new URL(url).pathname} answered ${response.status}: ${await response.text()}`,
  )
}

/** What the server answers in JSON. */
export async function getJson<T>(url: string, token?: string): Promise<T> {
  return (await (await send(url, { headers: auth(token), signal: AbortSignal.timeout(JSON_MS) })).json()) as T
}

/** What the server answers in JSON to a body in JSON. */
export async function postJson<T>(url: string, body: unknown, token?: string): Promise<T> {
  const headers = { ...auth(token), 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(JSON_MS)
  return (await (await send(url, { method: 'POST', headers, body: JSON.stringify(body), signal })).json()) as T
}

/** The header that says who asks; none without a token. */
export function auth(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}
