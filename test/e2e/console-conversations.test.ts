import { sql } from 'drizzle-orm'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { writeD1 } from '../../scripts/d1.ts'
import { type DeviceOptions, faultsBut } from '../support/browser.ts'
import { useConsole } from '../support/console.ts'
import { reply, type Step } from '../support/fake-openai.ts'

const parley = useConsole({ vars: { UPGRADE_POLICY: 'open' } })
const enter = (options?: DeviceOptions) => parley.enter('/app/chat/new', options)
const field = (page: Page) => page.getByRole('textbox', { name: 'Message' })
const answers = (page: Page) => page.getByRole('article', { name: /^Reply/ })
const said = (page: Page) => page.getByRole('article', { name: 'You' })
const list = (page: Page) => page.getByRole('navigation', { name: 'Conversations' })

async function say(page: Page, words: string): Promise<void> {
  await field(page).fill(words)
  await field(page).press('Enter')
}

/** Waits for the end of the last answer, which is this. */
const answered = (page: Page, text: string) =>
  answers(page)
    .last()
    .filter({ has: page.getByRole('button', { name: 'Copy' }) })
    .getByText(text)
    .waitFor()

test('a temporary conversation says that it is one, and is in no list and in no search', async () => {
  const { page, ask, faults } = await enter()
  await page.getByLabel(/^Temporary/).check()
  await say(page, `A secret ${parley.script([{ text: 'Nobody hears of it' }])}`)
  await answered(page, 'Nobody hears of it')
  await page.getByText(/^Temporary, until /).waitFor()
  await page.getByRole('button', { name: 'Settings of the conversation' }).click()
  const dialog = page.getByRole('dialog', { name: 'Conversation' })
  await dialog.getByRole('button', { name: 'Delete' }).waitFor()
  for (const name of ['Pin', 'Archive', 'Export']) expect(await dialog.getByRole('button', { name }).count()).toBe(0)
  await dialog.getByRole('button', { name: 'Close' }).click()
  await list(page).getByText('No conversations').waitFor()

  await page.getByLabel('Search in all conversations').fill('Nobody hears')
  await page.getByText(/^Nothing/).waitFor()
  await page.goto('/app/chat/new')
  await list(page).getByText('No conversations').waitFor()
  expect(await page.getByLabel(/^Temporary/).isChecked()).toBe(false)
  expect(await ask('GET', '/conversations')).toEqual([])
  expect(faults).toEqual([])
})

test('who has used up the plan is told so, keeps the words, and says them with a larger plan', async () => {
  const device = await enter()
  const { page, name } = device
  await writeD1({ remote: false, persistTo: parley.folder }, [
    sql`INSERT INTO plans VALUES ('tiny', 1, 100000, 1000, 5, 0, 0, '["basic"]')`,
    sql`UPDATE users SET plan = 'tiny' WHERE username = ${name}`,
  ])
  await say(page, `Begin ${parley.script([{ text: 'The only answer' }])}`)
  await answered(page, 'The only answer')
  await page.getByText(/^0 of 1 messages/).waitFor()

  const words = `And then? ${parley.script(reply(3))}`
  await say(page, words)
  const refusal = answers(page).last().getByRole('alert')
  await refusal.getByText('Plan tiny has 1 messages a month, 1 are used').waitFor()
  await refusal.getByRole('button', { name: 'Take it back' }).click()
  expect(await field(page).inputValue()).toBe(words)
  expect(await said(page).count()).toBe(1)
  await field(page).press('Enter')
  await refusal.waitFor()
  // Who leaves and comes back finds them where they were written.
  await page.getByRole('link', { name: 'New conversation' }).click()
  await list(page).getByRole('link').first().click()
  await expect.poll(() => field(page).inputValue()).toBe(words)

  await device.ask('POST', '/user/upgrade', { plan: 'team' })
  await field(page).press('Enter')
  await answered(page, 'w1 w2 w3')
  expect(await said(page).count()).toBe(2)
  expect(faultsBut(device, 402)).toEqual([])
})

test('of two tabs that say something at once one is heard; the other keeps its words and shows what is answered', async () => {
  const device = await enter()
  const { page } = device
  await say(page, `Begin ${parley.script([{ text: 'At your service' }])}`)
  await answered(page, 'At your service')
  const other = await device.open()
  await other.goto(page.url())
  await answered(other, 'At your service')

  // Both are on their way before either is there.
  const letGo = Promise.withResolvers<void>()
  const held = [page, other].map(async (tab) => {
    const isHeld = Promise.withResolvers<void>()
    await tab.route(/\/messages$/, async (route) => {
      if (route.request().method() === 'POST') {
        isHeld.resolve()
        await letGo.promise
      }
      await route.continue()
    })
    return isHeld.promise
  })
  const words = (who: string) => `${who} ${parley.script(reply(40, 60))}`
  await Promise.all([say(page, words('One')), say(other, words('Two'))])
  await Promise.all(held)
  letGo.resolve()
  const loser = await Promise.any(
    [page, other].map(async (tab) => {
      await tab.locator('.toast').waitFor()
      return tab
    }),
  )
  const winner = loser === page ? other : page
  for (const tab of [page, other]) {
    await answered(tab, 'w39 w40')
    expect(await said(tab).count()).toBe(2)
    expect(await answers(tab).count()).toBe(2)
  }
  expect(await field(winner).inputValue()).toBe('')
  expect(await field(loser).inputValue()).toMatch(loser === page ? /^One / : /^Two /)
  await field(loser).press('Enter')
  for (const tab of [page, other]) {
    await expect.poll(() => said(tab).count()).toBe(3)
    await answered(tab, 'w39 w40')
  }
  expect(faultsBut(device, 409)).toEqual([])
})

test('a shared link shows everybody what was said, until it is revoked where all links are', async () => {
  const { page, faults } = await enter()
  await say(page, `Begin ${parley.script([{ text: 'For all to see' }])}`)
  await answered(page, 'For all to see')
  // Who votes by the keyboard goes on from there.
  const good = page.getByRole('button', { name: 'Good reply' })
  await good.press('Enter')
  await expect.poll(() => good.getAttribute('aria-pressed')).toBe('true')
  await expect.poll(() => good.getAttribute('aria-busy')).toBe('false')
  expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('Good reply')
  await expect.poll(() => page.title()).toMatch(/^Begin .* · Chat · Parley$/)
  await page.getByRole('button', { name: 'Settings of the conversation' }).click()
  await page.getByRole('button', { name: 'Share what was said so far' }).click()
  const link = await page.getByLabel('Link', { exact: true }).inputValue()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()

  const somebody = await parley.open()
  await somebody.page.goto(link)
  await somebody.page.getByText('For all to see').waitFor()

  await page.getByRole('link', { name: 'Account' }).press('Enter')
  await page.getByRole('heading', { name: 'Account' }).waitFor()
  // A screen reader goes on where the keyboard is.
  await page.getByRole('main', { name: 'Account' }).waitFor()
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('main')
  await page.getByRole('link', { name: 'Your data' }).click()
  await page.getByRole('button', { name: /^Revoke Begin/ }).click()
  await page.getByRole('button', { name: 'Revoke it' }).click()
  await page.getByText('No conversation of yours is shared.').waitFor()
  await somebody.page.reload()
  await somebody.page.getByRole('alert').waitFor()
  expect(faults).toEqual([])
  expect(faultsBut(somebody, 404)).toEqual([])
})

test('why a reply failed, and what a model thought, is there after a reload as well', async () => {
  const { page, faults } = await enter()
  const usage = { prompt_tokens: 9, completion_tokens: 6, completion_tokens_details: { reasoning_tokens: 4 } }
  const thoughtful: Step[] = [
    { reasoning: 'Let me see' },
    { text: 'I see' },
    { finish: 'stop' },
    { usage },
    { done: true },
  ]
  await say(page, `Think ${parley.script(thoughtful)}`)
  await answered(page, 'I see')
  await say(page, `Fail ${parley.script([{ text: 'Half of' }, { reset: true }])}`)
  const reason = await page.getByRole('alert').locator('p').first().innerText()
  await page.reload()
  await page.getByRole('alert').getByText(reason).waitFor()
  await page.getByText('Reasoning', { exact: true }).click()
  await page.getByText('Let me see').waitFor()
  expect(faults).toEqual([])
})
