import { rmSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import type { Vars } from '../../scripts/dev-vars.ts'
import { freePort, type LocalServer, startServer } from '../../scripts/local-server.ts'
import { type MailSink, startMailSink } from '../../scripts/mail-sink.ts'
import { type Body, type Device, type DeviceOptions, launchBrowser, openDevice } from './browser.ts'
import { type FakeOpenAi, marker, type Step, startFakeOpenAi } from './fake-openai.ts'
import { newState } from './migrated-state.ts'

export const PASSWORD = 'correct-horse-battery'

/** Somebody on a device of their own. */
export type Person = Device & { name: string }

export type Console = {
  url: string
  /** Of the server's state. */
  folder: string
  upstream: FakeOpenAi
  mail: MailSink
  browser: Browser
  /** What makes the model do this, when it stands in what it is asked: call n plays `attempts[min(n, last)]`. */
  script(...attempts: Step[][]): string
  /** A device on which nobody is signed in. */
  open(options?: DeviceOptions): Promise<Device>
  /** Somebody new at a path of the console, or `as` somebody who has an account already. */
  enter(path: string, options?: DeviceOptions & { as?: string }): Promise<Person>
}

/** One address makes all the accounts and asks for all. */
const LIMITS = { AUTH_RATE_LIMIT: '1000', REGISTER_ADDRESS_LIMIT: '1000', API_RATE_LIMIT: '100000' }

/** A server with the console for a file of tests: it is there from its first test to its last. `isOffline` leaves it without the fake model. */
export function useConsole({ vars = {}, isOffline = false }: { vars?: Vars; isOffline?: boolean } = {}): Console {
  const its = {} as Console & { server?: LocalServer }

  beforeAll(async () => {
    its.folder = newState()
    its.browser = await launchBrowser()
    its.upstream = await startFakeOpenAi()
    its.mail = await startMailSink()
    const port = await freePort()
    const model = isOffline ? undefined : { OPENAI_BASE_URL: its.upstream.url, UPSTREAM_TRIES: '1' }
    // What a mail links to are pages of the console.
    const APP_URL = `http://127.0.0.1:${port}/app`
    const all = { ...LIMITS, ...model, ...its.mail.vars, APP_URL, PASSWORD_COST: '4', ...vars }
    its.server = await startServer({ port, persistTo: its.folder, isMigrated: true, vars: all })
    its.url = its.server.url
  })

  afterAll(async () => {
    await its.browser?.close()
    await its.server?.stop()
    await its.mail?.stop()
    await its.upstream?.close()
    if (its.folder) rmSync(its.folder, { recursive: true, force: true })
  })

  return Object.assign(its, {
    script: (...attempts: Step[][]) => marker(its.upstream.script(attempts)),
    open: (options?: DeviceOptions) => openDevice(its.browser, its.url, options),
    async enter(path: string, { as, ...options }: DeviceOptions & { as?: string } = {}) {
      const name = as ?? `user-${crypto.randomUUID().slice(0, 8)}`
      const storageState = await signedIn(its.url, as === undefined ? 'register' : 'login', name)
      const device = await openDevice(its.browser, its.url, { storageState, ...options })
      await device.page.goto(path)
      await device.page.getByRole('button', { name: 'Sign out' }).waitFor()
      return { ...device, name }
    },
  })
}

/** What the console keeps in a browser in which somebody has signed in, as `console/api/session.ts` does. */
async function signedIn(
  url: string,
  how: 'register' | 'login',
  username: string,
): Promise<DeviceOptions['storageState']> {
  const response = await fetch(`${url}/api/v1/auth/${how}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  })
  if (!response.ok) throw new Error(`Nobody is signed in: ${response.status} ${await response.text()}`)
  const { access_token: accessToken, refresh_token: refreshToken, expires_in, user } = (await response.json()) as Body
  const session = { accessToken, refreshToken, expiresAt: Date.now() + expires_in * 1_000, user }
  const localStorage = [{ name: 'parley.session', value: JSON.stringify(session) }]
  return { cookies: [], origins: [{ origin: url, localStorage }] }
}
