import { setTimeout as sleep } from 'node:timers/promises'

const AT_ONCE = 8
export const PASSWORD = 'correct-horse-battery'
const RENEW_AFTER_MS = 15 * 60_000

/** Nothing but what is measured holds the load back. */
export const VARS = {
  PASSWORD_COST: '4',
  REGISTER_ADDRESS_LIMIT: '1000000',
  AUTH_RATE_LIMIT: '1000000',
  API_RATE_LIMIT: '1000000',
  PUBLIC_RATE_LIMIT: '1000000',
  CHANNEL_SEND_LIMIT: '1000000',
  SOCKET_FRAME_LIMIT: '1000000',
}

export type ChatUser = { username: string; token: string; refreshToken: string; signedInAt: number }

/** An API call that has to succeed; a server that is overloaded or gone is asked again, for a minute. */
export async function call<T>(url: string, path: string, body?: object, token?: string, address?: string): Promise<T> {
  for (const end = Date.now() + 60_000; ; await sleep(200)) {
    const response = await fetch(`${url}/api/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
        ...(address && { 'cf-connecting-ip': address }),
      },
      body: body && JSON.stringify(body),
    }).catch((error: Error) => error)
    if (response instanceof Response) {
      if (response.ok) return (await response.json()) as T
      const text = await response.text()
      if (![429, 503].includes(response.status) || Date.now() > end)
        throw new Error(`${path} answered ${response.status}: ${text}`)
    } else if (Date.now() > end) throw response
  }
}

/** Fresh users, each from an address of its own, as people are. */
export const registerUsers = (url: string, count: number): Promise<ChatUser[]> =>
  eachOf(Array.from({ length: count }), async (_, index) => {
    const username = `u${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`
    const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
    return signedIn(username, await call(url, '/auth/register', { username, password: PASSWORD }, undefined, address))
  })

/** The tokens of a long benchmark would expire after half an hour. */
export async function renewTokens(url: string, users: ChatUser[]): Promise<void> {
  const old = users.filter(({ signedInAt }) => Date.now() - signedInAt > RENEW_AFTER_MS)
  await eachOf(old, async (user, index) => {
    const address = `10.128.${(index >> 8) & 255}.${index & 255}`
    const answer = await call<Tokens>(url, '/auth/refresh', { refresh_token: user.refreshToken }, undefined, address)
    Object.assign(user, signedIn(user.username, answer))
  })
}

/** A ticket for a socket of each, good for half a minute. */
export const ticketsOf = (url: string, users: ChatUser[]): Promise<string[]> =>
  eachOf(users, async ({ token }) => (await call<{ ticket: string }>(url, '/ws/tickets', {}, token)).ticket)

/** The id of a channel that all of them are in; the first one owns it. */
export async function channelOf(url: string, users: ChatUser[]): Promise<string> {
  const [owner, ...others] = users
  const { id } = await call<{ id: string }>(url, '/channels', { name: 'Bench' }, owner!.token)
  await eachOf(others, ({ token }) => call(url, `/channels/${id}/join`, {}, token))
  return id
}

type Tokens = { access_token: string; refresh_token: string }

const signedIn = (username: string, { access_token, refresh_token }: Tokens): ChatUser => ({
  username,
  token: access_token,
  refreshToken: refresh_token,
  signedInAt: Date.now(),
})

/** What `work` gives for each, a few at a time. */
async function eachOf<T, R>(items: T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index]!, index)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}
