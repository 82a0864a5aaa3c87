import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Without what a browser asks other hosts for by itself, which no test and no picture has to do with. */
const QUIET = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** @throws Error that says what to install, when this machine has no Chromium */
export function launchBrowser(): Promise<Browser> {
  const executablePath = [process.env.CHROMIUM_PATH, ...PLACES].find((path) => path && existsSync(path))
  if (!executablePath) {
    throw new Error('This needs Chromium: install it (apt-get install chromium), or name it in CHROMIUM_PATH')
  }
  return chromium.launch({ executablePath, args: QUIET })
}
