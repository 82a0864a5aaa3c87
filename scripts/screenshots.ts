import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { launchBrowser } from './chromium.ts'
import { Refusal, readOptions, runCommand } from './command-line.ts'
import { startServer } from './local-server.ts'
import { seedTeam } from './seed/team.ts'
import { seed } from './seed/write.ts'

const USAGE = `Takes the pictures of the console that the documentation shows, with demo data, into docs/images.

  npm run screenshots`

const FOLDER = resolve(import.meta.dirname, '../docs/images')
const SIZE = { width: 1_280, height: 800 }
const MAX_BYTES = 150 * 1_024
const PASSWORD = 'correct-horse-battery'

type Picture = {
  path: string
  /** What is clicked there first. */
  open?: string
  /** What is there when it is ready. */
  ready: string
  colorScheme?: 'dark'
}

/** What is taken, by the names of the pictures. */
const PICTURES: Record<string, Picture> = {
  chat: { path: '/app/chat', open: 'text=Agenda for the spring review', ready: 'article.answer' },
  channels: {
    path: '/app/channels',
    open: 'text=harbour-festival',
    ready: 'text=Water at the boathouse',
    colorScheme: 'dark',
  },
  chatbot: { path: '/app/chatbots', open: 'text=Harbour guide', ready: 'textarea' },
  admin: { path: '/app/admin', ready: 'figure:last-of-type canvas' },
}

await runCommand(USAGE, async () => {
  readOptions({ help: { type: 'boolean' } })
  const persistTo = mkdtempSync(join(tmpdir(), 'parley-screenshots-'))
  const server = await startServer({ persistTo })
  const browser = await launchBrowser()
  try {
    await seed({ remote: false, persistTo }, PASSWORD)
    await seedTeam(server.url, PASSWORD)
    const context = await browser.newContext({ baseURL: server.url, viewport: SIZE, reducedMotion: 'reduce' })
    const page = await context.newPage()
    await signIn(page)
    mkdirSync(FOLDER, { recursive: true })
    for (const name of Object.keys(PICTURES)) await take(page, name)
  } finally {
    await browser.close()
    await server.stop()
    rmSync(persistTo, { recursive: true, force: true })
  }
})

/** As the administrator of the demo data. */
async function signIn(page: Page): Promise<void> {
  await page.goto('/app/sign-in')
  await page.getByLabel('Email or username').fill('nora')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
}

/** @throws Refusal for a picture that is too large for a document */
async function take(page: Page, name: string): Promise<void> {
  const { path: address, open, ready, colorScheme = 'light' } = PICTURES[name]!
  await page.emulateMedia({ colorScheme })
  await page.goto(address)
  if (open) await page.locator(open).first().click()
  await page.locator(ready).first().waitFor()
  // Nothing is loading any more.
  await page.waitForLoadState('networkidle')
  const path = join(FOLDER, `${name}.png`)
  await page.screenshot({ path, scale: 'css', animations: 'disabled' })
  const { size } = statSync(path)
  if (size > MAX_BYTES) throw new Refusal(`${name}.png has ${size} bytes: at most ${MAX_BYTES} are good to read.`)
  console.log(`${name}.png  ${Math.round(size / 1_024)} KB`)
}
