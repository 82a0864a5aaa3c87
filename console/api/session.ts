import { computed, signal } from '@preact/signals'
import { problemOf } from './problem.ts'
import type { components } from './schema.d.ts'

export type User = components['schemas']['User']
type SignedIn = components['schemas']['SignedIn']
type Session = { accessToken: string; refreshToken: string; expiresAt: number; user: User }

const KEY = 'parley.session'
/** A token is replaced this long before it ends, so that none ends on its way. */
const EARLY_MS = 30_000
const REFRESH_MS = 15_000

const session = signal(readSession())

/** Who is signed in, in all tabs alike. */
export const me = computed(() => session.value?.user)

/** Changes only when somebody else, or nobody, is signed in. */
export const myId = computed(() => me.value?.id)

addEventListener('storage', ({ key }) => {
  if (key === KEY || key === null) session.value = readSession()
})

/** Begins a session with what signing in or registering answered. */
export function begin({ access_token, refresh_token, expires_in, user }: SignedIn): void {
  keep({ accessToken: access_token, refreshToken: refresh_token, expiresAt: Date.now() + expires_in * 1_000, user })
}

/** The user as a later answer tells of them. */
export function updateMe(user: User): void {
  // Another tab may have got fresh tokens, or be somebody else's by now.
  const now = readSession()
  if (now?.user.id === user.id) keep({ ...now, user })
}

/** Ends the session here, and on the server as far as it can be reached. */
export async function end(): Promise<void> {
  const ended = session.value
  keep(undefined)
  if (!ended) return
  const body = JSON.stringify({ refresh_token: ended.refreshToken })
  await fetch('/api/v1/auth/logout', { method: 'POST', headers: JSON_HEADERS, body, keepalive: true }).catch(() => {})
}

/**
 * A token to ask with, fresh where it has to be; `undefined` when nobody is signed in. `refused` is one that the server takes no
 * more. @throws Problem or TypeError when it cannot be made fresh now
 */
export async function accessToken(refused?: string): Promise<string | undefined> {
  const isGood = ({ accessToken, expiresAt }: Session) => accessToken !== refused && expiresAt > Date.now() + EARLY_MS
  if (!session.value || isGood(session.value)) return session.value?.accessToken
  // A refresh token is good once: of all tabs one asks, and the others take what it got.
  return navigator.locks.request(KEY, async () => {
    session.value = readSession()
    if (session.value && !isGood(session.value)) await refresh(session.value)
    return session.value?.accessToken
  })
}

/** As `accessToken`, but none of who has signed in since `asker` asked. */
export async function tokenOf(asker: string | undefined, refused?: string): Promise<string | undefined> {
  const token = await accessToken(refused)
  return myId.value === asker ? token : undefined
}

async function refresh(old: Session): Promise<void> {
  const body = JSON.stringify({ refresh_token: old.refreshToken })
  // All tabs wait for it.
  const signal = AbortSignal.timeout(REFRESH_MS)
  const response = await fetch('/api/v1/auth/refresh', { method: 'POST', headers: JSON_HEADERS, body, signal })
  if (!response.ok && response.status !== 401) throw await problemOf(response)
  const fresh = response.ok ? await response.json() : undefined
  // Who has signed out meanwhile, or as somebody else, stays so.
  if (readSession()?.refreshToken !== old.refreshToken) return
  if (fresh) begin({ user: old.user, ...fresh })
  else keep(undefined)
}

const JSON_HEADERS = { 'content-type': 'application/json' }

function keep(next: Session | undefined): void {
  if (next) localStorage.setItem(KEY, JSON.stringify(next))
  else localStorage.removeItem(KEY)
  session.value = next
}

function readSession(): Session | undefined {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}
