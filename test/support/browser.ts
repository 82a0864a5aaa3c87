import axe from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'

export { launchBrowser } from '../../scripts/chromium.ts'

export type DeviceOptions = NonNullable<Parameters<Browser['newContext']>[0]>

/** A device of one person: what it keeps is its own. All that went wrong in its pages is in `faults`. */
export type Device = {
  page: Page
  context: BrowserContext
  faults: string[]
  /** Another tab. */
  open(): Promise<Page>
  /** Asks the API as whoever is signed in; text is sent as it is. @throws Error for what is refused */
  ask(method: string, path: string, body?: object | string): Promise<Body>
}
// biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
export type Body = any

export async function openDevice(browser: Browser, url: string, options: DeviceOptions = {}): Promise<Device> {
  const context = await browser.newContext({ baseURL: url, reducedMotion: 'reduce', ...options })
  // Two files of tests share two cores.
  context.setDefaultTimeout(40_000)
  const faults: string[] = []
  const open = async () => {
    const page = await context.newPage()
    page.on('console', (message) => message.type() === 'error' && faults.push(`console: ${message.text()}`))
    page.on('pageerror', (error) => faults.push(`thrown: ${error.stack}`))
    page.on('request', (request) => {
      const isOwn = request.url().startsWith(url) || /^(blob|data):/.test(request.url())
      if (!isOwn) faults.push(`request to another host: ${request.url()}`)
    })
    return page
  }
  const page = await open()
  const ask: Device['ask'] = async (method, path, body) => {
    const session = await page.evaluate(() => localStorage.getItem('parley.session'))
    const authorization = `Bearer ${JSON.parse(session!).accessToken}`
    const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json'
    const sent = typeof body === 'object' ? JSON.stringify(body) : body
    const init = { method, headers: { authorization, 'content-type': type }, body: sent }
    const response = await fetch(`${url}/api/v1${path}`, init)
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.status === 204 ? undefined : response.json()
  }
  return { page, context, faults, open, ask }
}

/** Without what the browser notes by itself of an answer that refuses something, where that was asked for. */
export const faultsBut = ({ faults }: Device, status: number): string[] =>
  faults.filter((fault) => !fault.includes(`responded with a status of ${status}`))

/** A picture of one pixel. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Signs up a new user on a device, as a person would; gives the name. */
export async function signUp({ page }: Device, username = `user-${crypto.randomUUID().slice(0, 8)}`): Promise<string> {
  await page.goto('/app/register')
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill('correct-horse-battery')
  await page.getByRole('button', { name: 'Make the account' }).click()
  const signedIn = page.getByRole('button', { name: 'Sign out' })
  await signedIn.waitFor().catch(async (cause) => {
    throw new Error(`Nobody was signed up; the page says: ${await page.locator('body').innerText()}`, { cause })
  })
  return username
}

/** What a person with a disability would stumble over on this screen, or in the dialog that is open, in light and in dark. */
export async function faultsOf(page: Page): Promise<string[]> {
  // The policy of the page forbids to add a script to it; to run one in it is the browser's business.
  await page.evaluate(axe.source)
  const place = (await page.locator('dialog[open]').count()) > 0 ? 'dialog[open]' : 'html'
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // In the dark only the colours are others.
    const options = colorScheme === 'dark' ? { runOnly: ['color-contrast', 'link-in-text-block'] } : {}
    const { violations } = await page.evaluate(
      ([place, options]) => (globalThis as unknown as { axe: typeof axe }).axe.run(place, options),
      [place, options] as const,
    )
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    found.push(
      ...serious.map(({ id, nodes }) => `in ${colorScheme}, ${id}: ${nodes.map(({ html }) => html).join(' ')}`),
    )
  }
  await page.emulateMedia({ colorScheme: null })
  return found
}

/** For what no list has: a state that a test has come to. */
export const expectAccessible = async (page: Page) => expect(await faultsOf(page), page.url()).toEqual([])
