import type { Locator, Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { seed } from '../../scripts/seed/write.ts'
import type { DeviceOptions } from '../support/browser.ts'
import { PASSWORD, type Person, useConsole } from '../support/console.ts'

/** ReDoc and Swagger UI draw every operation at once. */
const READER_MS = 90_000
/** What a browser says by itself of an answer that a page has dealt with. */
const REFUSED = 'console: Failed to load resource: the server responded with a status of 403 (Forbidden)'

const parley = useConsole({ isOffline: true, vars: { OFFLINE_TOKEN_MS: '0' } })

// A month of demo data, of which Nora is the administrator.
beforeAll(async () => void (await seed({ remote: false, persistTo: parley.folder }, PASSWORD)))

/** A device of Nora's. */
async function openAdmin(options?: DeviceOptions): Promise<Person> {
  const nora = await parley.enter('/app/admin', { as: 'nora', ...options })
  await nora.page.getByRole('heading', { name: 'Overview' }).waitFor()
  return nora
}

const rowsOf = (page: Page) => page.locator('tbody tr')
const chartOf = (page: Page, title: string) =>
  page.locator('figure').filter({ has: page.getByRole('heading', { name: title, exact: true }) })

/** How many points of a chart have the first colour of its legend. */
const paintedIn = (chart: Locator) =>
  chart.evaluate((figure) => {
    const canvas = figure.querySelector('canvas')!
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
    const { backgroundColor } = figure.ownerDocument.defaultView!.getComputedStyle(figure.querySelector('.swatch')!)
    const colour: number[] = backgroundColor.match(/\d+/g)!.map(Number)
    let count = 0
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 255 && colour.every((part, of) => data[at + of] === part)) count++
    }
    return count
  })

test('the overview draws what the API counts, in light and dark, on a phone too, and tells it in tables', async () => {
  const device = await openAdmin({ viewport: { width: 1_280, height: 800 }, colorScheme: 'light' })
  const { page } = device
  const metrics = await device.ask('GET', '/admin/metrics?days=30')
  await expect.poll(() => page.locator('figure canvas').count()).toBe(6)
  for (const title of ['Users', 'Messages', 'Tokens', 'Runs by outcome', 'Latency of replies', 'Storage']) {
    await expect.poll(() => paintedIn(chartOf(page, title)), { message: title }).toBeGreaterThan(50)
  }

  const runs = chartOf(page, 'Runs by outcome')
  await runs.getByText('As a table').click()
  const told = (await runs.locator('tbody tr').allInnerTexts()).map((row) => row.split(/\s+/))
  type Day = { day: string; runs: Record<'completed' | 'failed' | 'cancelled' | 'interrupted', number> }
  expect(told).toEqual(
    metrics.days.map(({ day, runs }: Day) =>
      [day, runs.completed, runs.failed, runs.cancelled, runs.interrupted].map(String),
    ),
  )
  expect(told.filter(([, completed]) => Number(completed) > 0).length).toBeGreaterThan(10)
  expect(await page.locator('.tiles').innerText()).toContain(String(metrics.total_conversations))

  await page.emulateMedia({ colorScheme: 'dark' })
  await expect.poll(() => paintedIn(chartOf(page, 'Messages'))).toBeGreaterThan(50)
  await page.setViewportSize({ width: 375, height: 700 })
  await expect.poll(async () => (await page.locator('figure canvas').first().boundingBox())!.width).toBeLessThan(375)
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375)
  await page.getByLabel('Days').selectOption('7')
  await expect.poll(() => new URL(page.url()).search).toBe('?days=7')
  await page.reload()
  expect(await page.getByLabel('Days').inputValue()).toBe('7')
  await runs.getByText('As a table').click()
  await expect.poll(() => runs.locator('tbody tr').count()).toBe(7)
  await page.getByRole('link', { name: 'System' }).click()
  await page.getByText(/^\d{4}_\w+\.sql$/).waitFor()
  await page.getByText('OpenAPI 3.1.0').waitFor()
  await page.getByRole('rowheader', { name: 'team' }).waitFor()
  expect(device.faults).toEqual([])
})

test('users are searched, filtered and paged, and the address remembers it', async () => {
  const device = await openAdmin()
  const { page, ask } = device
  const crowd = `crowd-${crypto.randomUUID().slice(0, 6)}`
  for (let n = 10; n < 32; n++) await ask('POST', '/users', { username: `${crowd}-${n}`, password: PASSWORD })
  // The newest of all: without a search it is the first.
  await ask('POST', '/users', { username: `u${crypto.randomUUID().slice(0, 12)}`, password: PASSWORD })
  await page.getByRole('link', { name: 'Users' }).click()
  await rowsOf(page).first().waitFor()

  const search = page.getByRole('searchbox')
  await search.fill('ro')
  await page.getByText('3 characters or more').waitFor()
  await search.fill(crowd)
  await expect
    .poll(async () => (await rowsOf(page).allInnerTexts()).filter((row) => row.includes(crowd)).length)
    .toBe(20)
  await page.getByRole('button', { name: 'Show more users' }).click()
  await page.getByText('These are all users.').waitFor()
  expect(await rowsOf(page).count()).toBe(22)
  await page.getByLabel('State').selectOption('disabled')
  await page.getByText('Nobody is like that').waitFor()
  await page.getByRole('link', { name: 'Show all users' }).click()
  await expect.poll(() => search.inputValue()).toBe('')

  await page.getByLabel('Plan').selectOption('pro')
  await page.getByRole('link', { name: 'Mateo Ferreira' }).waitFor()
  await search.fill('tanaka')
  await expect.poll(() => rowsOf(page).count()).toBe(1)
  await page.getByRole('link', { name: 'Aiko Tanaka' }).click()
  await page.getByRole('heading', { name: 'Aiko Tanaka' }).waitFor()
  await page.goBack()
  await page.getByRole('link', { name: 'Aiko Tanaka' }).waitFor()
  expect([await search.inputValue(), await page.getByLabel('Plan').inputValue()]).toEqual(['tanaka', 'pro'])
  expect(device.faults).toEqual([])
})

test('who is made an administrator gets the place, and who is one no longer loses it at once', async () => {
  const theirs = await parley.enter('/app/admin/users')
  const { page: their, name } = theirs
  await their.getByRole('heading', { name: 'This is for administrators' }).waitFor()
  expect(await their.getByRole('link', { name: 'Admin' }).count()).toBe(0)
  expect(theirs.faults).toEqual([])

  const device = await openAdmin()
  const { page } = device
  await page.goto(`/app/admin/users?search=${name}`)
  await page.getByRole('link', { name }).click()
  await page.getByRole('button', { name: 'Make an administrator' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Make an administrator' }).click()
  await page.getByRole('button', { name: 'Make an ordinary user' }).waitFor()
  await their.reload()
  await their.getByRole('link', { name: 'Admin' }).waitFor()
  await rowsOf(their).first().waitFor()

  await page.getByRole('button', { name: 'Make an ordinary user' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Take the role away' }).click()
  await page.getByRole('button', { name: 'Make an administrator' }).waitFor()
  await their.getByRole('link', { name: 'Audit log' }).click()
  await their.getByRole('heading', { name: 'This is for administrators' }).waitFor()
  expect(await their.getByRole('link', { name: 'Admin' }).count()).toBe(0)
  expect(theirs.faults).toEqual([REFUSED])

  await page.getByRole('link', { name: 'What was done to this account' }).click()
  await expect.poll(() => rowsOf(page).count()).toBe(2)
  for (const row of await rowsOf(page).allInnerTexts()) expect(row).toMatch(/Nora Lindqvist\s+user\.role_changed/)
  await page.getByLabel('Action').selectOption('user.disabled')
  await page.getByRole('link', { name: 'Jonas Weber' }).waitFor()
  expect(new URL(page.url()).search).toBe('?action=user.disabled')
  expect(device.faults).toEqual([])
})

test('plan and state are changed, and an account is deleted, but only after a question', async () => {
  const theirs = await parley.enter('/app/chat')
  const { name } = theirs
  const { id } = await theirs.ask('GET', '/users/me')
  const device = await openAdmin()
  const { page } = device
  await page.goto(`/app/admin/users/${id}`)
  await page.getByLabel('What this account may use').selectOption('team')
  await page.getByRole('button', { name: 'Change the plan' }).click()
  await page.getByText(`${name} is changed`).waitFor()
  expect((await theirs.ask('GET', '/user/usage')).plan).toBe('team')

  await page.getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('button', { name: 'Disable the account' }).click()
  await page.locator('.facts').getByText('disabled').waitFor()
  await theirs.page.reload()
  await theirs.page.getByRole('heading', { name: 'Sign in to Parley' }).waitFor()
  await page.getByRole('button', { name: 'Enable' }).click()
  await page.locator('.facts').getByText('active', { exact: true }).waitFor()
  const back = await parley.enter('/app/account', { as: name })

  const askToDelete = () => page.getByRole('button', { name: 'Delete', exact: true }).click()
  await askToDelete()
  await page.getByRole('button', { name: 'Cancel' }).click()
  expect(await page.getByRole('dialog').count()).toBe(0)
  expect((await back.ask('GET', '/users/me')).id).toBe(id)
  await askToDelete()
  await page.getByRole('button', { name: 'Delete the account' }).click()
  await page.getByRole('heading', { name: 'Users' }).waitFor()
  await page.getByText(`${name} is deleted`).waitFor()
  await page.getByRole('searchbox').fill(name)
  await page.getByText('Nobody is like that').waitFor()

  // The server lets nobody take the last administrator away, and the question says so.
  const nora = await device.ask('GET', '/users/me')
  await page.goto(`/app/admin/users/${nora.id}`)
  await page.getByRole('button', { name: 'Make an ordinary user' }).click()
  await page.getByRole('button', { name: 'Take the role away' }).click()
  await page.getByRole('dialog').getByRole('alert').waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  expect(await page.getByRole('link', { name: 'Admin' }).count()).toBe(1)
  expect(device.faults).toEqual([expect.stringContaining('status of 409')])
})

test('what somebody wrote is read only on purpose, is recorded, and does nothing to the reader', async () => {
  const { ask } = await parley.enter('/app/chat')
  const they = await ask('GET', '/users/me')
  const hostile =
    '<img src="https://evil.example/x.png" onerror="alert(1)"> ![x](https://evil.example/y.png) [go](javascript:alert(1))'
  const chat = await ask('POST', '/chat', { message: hostile, model: 'parley-offline' })
  for (let n = 0; n < 11; n++)
    await ask('POST', '/chat', { message: `More ${n}`, model: 'parley-offline', chat_id: chat.chat_id })
  await ask('POST', '/chatbots', { name: 'Guide', instructions: 'Be <b>short</b>' })

  const device = await openAdmin()
  const { page } = device
  const nora = await device.ask('GET', '/users/me')
  const recorded = async () =>
    (await device.ask('GET', `/admin/audit?actor_id=${nora.id}&limit=100`))
      .filter(({ target_id }: { target_id: string }) => [they.id, chat.chat_id].includes(target_id))
      .map(({ action }: { action: string }) => action)
  await page.goto(`/app/admin/users/${they.id}`)
  await page.getByRole('button', { name: 'Show the chatbots' }).waitFor()
  expect(await recorded()).toEqual([])
  await page.getByRole('button', { name: 'Show the chatbots' }).click()
  await page.getByText('Be <b>short</b>').waitFor()
  await page.getByRole('button', { name: 'Show the conversations' }).click()
  await page.locator('.list a').first().click()
  await page.getByText('That you have read this is recorded').waitFor()
  await page.getByText('More 10').first().waitFor()
  await page.getByRole('button', { name: 'Show earlier messages' }).click()
  await expect.poll(() => page.locator('.messages > li').first().innerText()).toContain('onerror')
  expect(await page.locator('main img').count()).toBe(0)
  expect(await page.locator('main a[href^="javascript"]').count()).toBe(0)
  expect(await recorded()).toEqual([
    'conversation.read',
    'conversation.read',
    'user.conversations_listed',
    'user.chatbots_listed',
  ])
  expect(device.faults).toEqual([])
})

test('in Swagger UI one signs in with username and password, and asks the API', async () => {
  const device = await parley.open()
  const { page } = device
  device.context.setDefaultTimeout(READER_MS)
  await page.goto('/docs')
  await page.getByRole('button', { name: 'Authorize' }).first().click()
  const form = page.locator('.auth-container').filter({ hasText: 'OAuth2, password', hasNotText: 'admin_password' })
  await form.locator('#oauth_username').fill('mateo')
  await form.locator('#oauth_password').fill(PASSWORD)
  await form.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click()
  await form.getByRole('button', { name: 'Remove authorization' }).waitFor()
  await form.getByRole('button', { name: 'Close' }).click()
  const operation = page.locator('#operations-users-getOwnUser')
  // It draws what is in sight only.
  await page.mouse.move(600, 400)
  const scroll = async () => {
    await page.mouse.wheel(0, 300)
    return operation.isVisible()
  }
  await expect.poll(scroll, { timeout: READER_MS, interval: 500 }).toBe(true)
  await operation.locator('.opblock-summary-control').click()
  await operation.getByRole('button', { name: 'Try it out' }).click()
  await operation.getByRole('button', { name: 'Execute' }).click()
  const answer = operation.locator('.live-responses-table')
  await answer.getByText('200', { exact: true }).waitFor()
  expect(await answer.innerText()).toContain('"username": "mateo"')
  expect(device.faults).toEqual([])
}, 240_000)

test('ReDoc shows its menu', async () => {
  const device = await parley.open()
  const { page } = device
  device.context.setDefaultTimeout(READER_MS)
  await page.goto('/redoc')
  await page.getByRole('menuitem', { name: 'conversations', exact: true }).waitFor()
  expect(await page.locator('.menu-content').isVisible()).toBe(true)
  await page.getByRole('heading', { name: 'Parley (1)' }).waitFor()
  expect(device.faults).toEqual([])
}, 240_000)
