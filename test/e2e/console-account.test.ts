import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Device, expectAccessible } from '../support/browser.ts'
import { PASSWORD as OLD, useConsole } from '../support/console.ts'
import { until } from '../support/server-user.ts'

const NEW = 'wholly-other-sentence'
const parley = useConsole({ isOffline: true, vars: { OFFLINE_TOKEN_MS: '0', UPGRADE_POLICY: 'open' } })

async function signInAs(name: string, password: string, { page }: Device): Promise<void> {
  await page.goto('/app/sign-in')
  await page.getByLabel('Email or username').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
}

/** The link in the newest mail to an address about something. */
async function linkTo(address: string, subject: RegExp): Promise<string> {
  const found = await until(10_000, async () =>
    parley.mail.mails().find(({ to, subject: its }) => to.includes(address) && subject.test(its)),
  )
  return /http:\S+/.exec(found.text)![0]
}

test('names are changed, an email is given, and the link of its mail confirms it', async () => {
  const { page, name, ask } = await parley.enter('/app/account')
  const address = `${name}@example.com`
  await page.getByLabel('Display name').fill('Ada Lovelace')
  await page.getByRole('button', { name: 'Save the names' }).click()
  await page.getByText('Your names are saved').waitFor()

  await page.getByRole('textbox', { name: 'Email' }).fill(address)
  await page.getByLabel('Current password').fill('not-the-password')
  await page.getByRole('button', { name: 'Change the email' }).click()
  await page.getByText('This is not the current password').waitFor()
  expect(await page.getByLabel('Current password').getAttribute('aria-invalid')).toBe('true')
  await expectAccessible(page)
  await page.getByLabel('Current password').fill(OLD)
  await page.getByRole('button', { name: 'Change the email' }).click()
  await page.getByText('Not confirmed').waitFor()
  await expectAccessible(page)

  await page.goto(await linkTo(address, /Confirm your email/))
  await page.getByRole('button', { name: 'Confirm the address' }).click()
  await page.getByText('The address is confirmed').waitFor()
  // The code does not stay in the address.
  expect(page.url()).toBe(`${parley.url}/app/verify`)
  await page.goto('/app/account')
  await page.getByText('Confirmed', { exact: true }).waitFor()
  expect(await page.getByLabel('Display name').inputValue()).toBe('Ada Lovelace')
  expect(await ask('GET', '/users/me')).toMatchObject({ email: address, email_verified: true })
})

test('a device is signed out from another, and a new password signs out all others', async () => {
  const { page, name } = await parley.enter('/app/account')
  const [phone, library] = await Promise.all([parley.open(), parley.open()])
  await signInAs(name, OLD, phone)
  await signInAs(name, OLD, library)

  await page.goto('/app/account/security')
  const others = page.getByRole('button', { name: 'Sign out Chrome on Linux' })
  await others.nth(1).waitFor()
  // The newest session is the first.
  await others.first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign it out' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await others.count()).toBe(1)

  await page.getByLabel('Current password').fill(OLD)
  await page.getByLabel('New password').fill('short')
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.locator('[name=new_password][aria-invalid=true]').waitFor()
  await page.getByLabel('New password').fill(NEW)
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Your new password works').waitFor()
  // What was signed out may be known elsewhere for some seconds.
  for (const { page: other } of [library, phone]) {
    await until(30_000, async () => {
      await other.goto('/app/account/usage')
      return other
        .getByRole('heading', { name: 'Sign in to Parley' })
        .waitFor({ timeout: 2_000 })
        .then(() => true)
        .catch(() => false)
    })
  }
  await page.reload()
  await page.getByText('This device').waitFor()
  expect(await others.count()).toBe(0)
  await signInAs(name, NEW, phone)
})

test('who forgot the password gets in again by a mail', async () => {
  const device = await parley.open()
  const { page } = device
  const address = `${crypto.randomUUID().slice(0, 8)}@example.com`
  await fetch(`${parley.url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: address, password: OLD }),
  })
  await page.goto('/app/sign-in')
  await page.getByRole('link', { name: 'Forgot the password?' }).click()
  await page.getByLabel('Email').fill(address)
  await page.getByRole('button', { name: 'Send the mail' }).click()
  await page.getByText('a mail is on its way').waitFor()

  const link = await linkTo(address, /Reset your password/)
  await page.goto(link)
  await page.getByLabel('New password').fill(NEW)
  await page.getByRole('button', { name: 'Set the password' }).click()
  await page.getByText('Your new password works').waitFor()
  await signInAs(address, NEW, device)
  expect(device.faults).toEqual([])

  // A code works once.
  await page.goto(link)
  await page.getByLabel('New password').fill(`${NEW}-2`)
  await page.getByRole('button', { name: 'Set the password' }).click()
  await page.getByRole('alert').waitFor()
})

test('usage shows what was used of the plan and for what, and another plan allows more', async () => {
  const { page, ask, faults } = await parley.enter('/app/account/usage')
  await page.getByText('Nothing was used yet').waitFor()
  await page.getByRole('meter', { name: 'Messages' }).waitFor()
  const { id } = await ask('POST', '/conversations', {})
  for (const content of ['One', 'Two']) await ask('POST', `/conversations/${id}/messages`, { content })
  const { tokens, messages } = await ask('GET', '/user/usage')
  expect([messages.used, tokens.used > 0]).toEqual([2, true])

  await page.reload()
  await page.getByText(`2 of ${messages.limit}`).waitFor()
  await page.getByText(`${tokens.used} of ${tokens.limit.toLocaleString('en')}`).waitFor()
  const row = (name: string) => page.getByRole('row', { name }).getByRole('cell').last().innerText()
  expect(await row(new Date().toISOString().slice(0, 10))).toContain(String(tokens.used))
  await page.getByLabel('By', { exact: true }).selectOption('model')
  await page.getByRole('row', { name: 'parley-offline' }).waitFor()
  expect(await row('parley-offline')).toContain(String(tokens.used))

  await page.getByLabel('By', { exact: true }).selectOption('conversation')
  await page.getByRole('row', { name: 'One' }).waitFor()

  await page.getByRole('button', { name: 'Change to pro' }).click()
  await page.getByText('Your plan is pro now').waitFor()
  await page.getByText(/^2 of 5,000$/).waitFor()
  expect(faults).toEqual([])
})

test('one takes everything along, and then goes for good', async () => {
  const { page, name, faults } = await parley.enter('/app/account/data')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export my data' }).click()
  const lines = readFileSync(await (await download).path(), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines[0]).toMatchObject({ type: 'account', username: name })
  expect(lines.at(-1)).toMatchObject({ type: 'end' })

  await page.getByRole('button', { name: 'Delete my account' }).click()
  const dialog = page.getByRole('dialog', { name: 'Delete your account?' })
  // Whoever changes their mind loses nothing.
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: 'Delete my account' }).click()
  await dialog.getByRole('button', { name: 'Delete my account for good' }).click()
  await page.getByRole('heading', { name: 'Sign in to Parley' }).waitFor()
  expect(faults).toEqual([])
  await page.getByLabel('Email or username').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(OLD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
})

test('a shared conversation is read without an account, and what it says does nothing', async () => {
  const { ask } = await parley.enter('/app/account')
  const content = '<img src=x onerror=alert(1)> ![logo](https://elsewhere.example/x.png) [here](javascript:alert(1))'
  const { id } = await ask('POST', '/conversations', {})
  await ask('POST', `/conversations/${id}/messages`, { content })
  const share = await ask('POST', `/conversations/${id}/shares`, {})
  expect(share.url).toBe(`${parley.url}/app/shared/${share.token}`)

  const reader = await parley.open()
  await reader.page.goto(share.url)
  await reader.page.getByText('I am the offline model of Parley').waitFor()
  expect(await reader.page.locator('img').count()).toBe(0)
  expect(await reader.page.locator('a[href^="javascript"]').count()).toBe(0)
  await reader.page.getByRole('link', { name: 'logo' }).waitFor()
  expect(reader.faults).toEqual([])

  await ask('DELETE', `/shares/${share.id}`)
  await reader.page.reload()
  await reader.page.getByRole('alert').waitFor()
})
