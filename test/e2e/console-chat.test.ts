import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { expectAccessible, PNG } from '../support/browser.ts'
import { useConsole } from '../support/console.ts'
import { reply } from '../support/fake-openai.ts'

const parley = useConsole()
const { script } = parley
/** A new user in the chat, on a device of their own. */
const enter = (options?: Parameters<typeof parley.enter>[1]) => parley.enter('/app/chat/new', options)
const field = (page: Page) => page.getByRole('textbox', { name: 'Message' })
const answers = (page: Page) => page.getByRole('article', { name: /^Reply/ })
const said = (page: Page) => page.getByRole('article', { name: 'You' })
const stopButton = (page: Page) => page.getByRole('button', { name: 'Stop' })

async function say(page: Page, words: string): Promise<void> {
  await field(page).fill(words)
  await field(page).press('Enter')
}

/** Text of the last answer once no reply is being written. */
async function wholeAnswer(page: Page): Promise<string> {
  await answers(page).last().getByRole('button', { name: 'Copy' }).waitFor()
  return answers(page).last().locator('.markdown').innerText()
}

/** Keeps back what is posted there until it is let go. */
async function holdBack(page: Page, path: RegExp): Promise<() => void> {
  const held = Promise.withResolvers<void>()
  await page.route(path, async (route) => {
    if (route.request().method() === 'POST') await held.promise
    await route.continue()
  })
  return held.resolve
}

const words = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `w${from + at}`).join(' ')

test('somebody signs up, says something, and reads the answer while it is written', async () => {
  const device = await enter()
  const { page } = device
  await say(
    page,
    `Tell me ${script([...reply(40, 60).slice(0, 1), { usage: { prompt_tokens: 10, completion_tokens: 40 } }, { done: true }])}`,
  )
  await answers(page).getByText(/w3/).waitFor()
  // Not all of it is there, and it is still being written.
  expect(await answers(page).innerText()).not.toContain('w40')
  expect(await stopButton(page).isVisible()).toBe(true)
  await expectAccessible(page)
  expect(await wholeAnswer(page)).toBe(words(1, 40))
  await page.getByText(/199 of 200 messages/).waitFor()
  await page
    .getByRole('navigation', { name: 'Conversations' })
    .getByText(/Tell me/)
    .waitFor()

  await answers(page).getByRole('button', { name: 'Good reply' }).click()
  await page.locator('[aria-pressed=true][aria-label="Good reply"]').waitFor()
  await page.reload()
  expect(await wholeAnswer(page)).toBe(words(1, 40))
  await page.locator('[aria-pressed=true][aria-label="Good reply"]').waitFor()
  expect(device.faults).toEqual([])
})

test('a page that is reloaded in mid-answer, and another tab, show the whole answer once', async () => {
  const device = await enter()
  const { page } = device
  await say(page, `Go on ${script(reply(100, 150))}`)
  await answers(page).getByText(/w3/).waitFor()
  const other = await device.open()
  await other.goto(page.url())
  await answers(other).getByText(/w3/).waitFor()
  await page.reload()
  await answers(page).getByText(/w3/).waitFor()
  expect(await answers(page).innerText()).not.toContain('w100')
  for (const one of [page, other]) {
    expect(await wholeAnswer(one)).toBe(words(1, 100))
    expect(await answers(one).count()).toBe(1)
    expect(await said(one).count()).toBe(1)
  }
  // What one tab begins, the other shows.
  await say(other, `More ${script(reply(30, 60))}`)
  await answers(page).nth(1).getByText(/w3/).waitFor()
  expect(await wholeAnswer(page)).toBe(words(1, 30))
  expect(await said(page).count()).toBe(2)
  expect(device.faults).toEqual([])
})

test('the end stays in view while a reply is written, unless its reader goes up', async () => {
  const device = await enter()
  const { page } = device
  await say(page, `Go on ${script([{ tokens: 500, gap_ms: 25, prefix: '\n\nline ' }])}`)
  await answers(page).getByText('line 60', { exact: true }).waitFor()
  const list = page.getByRole('region', { name: 'Messages' })
  const toEnd = () => list.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight)
  await expect.poll(toEnd).toBeLessThan(60)
  await list.hover()
  await page.mouse.wheel(0, -400)
  await page.getByRole('button', { name: 'To the newest' }).waitFor()
  const at = await list.evaluate((element) => element.scrollTop)
  const lines = await answers(page).locator('p').count()
  await expect.poll(() => answers(page).locator('p').count()).toBeGreaterThan(lines + 20)
  expect(await list.evaluate((element) => element.scrollTop)).toBe(at)
  await page.getByRole('button', { name: 'To the newest' }).click()
  await expect.poll(toEnd).toBeLessThan(60)
  await stopButton(page).click()
  await page.getByText('Stopped.').waitFor()
  expect(device.faults).toEqual([])
})

test('a reply is stopped, and keeps what it has', async () => {
  const device = await enter()
  const { page } = device
  await say(page, `Go on ${script(reply(300, 60))}`)
  await answers(page).getByText(/w3/).waitFor()
  await stopButton(page).click()
  await page.getByText('Stopped.').waitFor()
  const text = await wholeAnswer(page)
  expect(text).toMatch(/^w1 w2 w3/)
  expect(text).not.toContain('w300')
  await page.reload()
  expect(await wholeAnswer(page)).toBe(text)
  expect(device.faults).toEqual([])
})

test('what is said is not lost, nor said twice, when its reader leaves before the server has it', async () => {
  const device = await enter()
  const { page } = device
  await say(page, `Begin ${script(reply(3))}`)
  expect(await wholeAnswer(page)).toBe(words(1, 3))
  const here = new URL(page.url()).pathname
  const list = page.getByRole('navigation', { name: 'Conversations' })
  const entry = list.locator(`[href="${here}"]`)
  const leave = () => page.getByRole('link', { name: 'New conversation' }).click()

  let letGo = await holdBack(page, /\/messages$/)
  const more = `Go on ${script(reply(4))}`
  await say(page, more)
  await leave()
  await page.getByRole('heading', { name: 'New conversation' }).waitFor()
  await entry.click()
  await expect.poll(() => field(page).inputValue()).toBe(more)
  // It is sent once more, and then nobody is there to hear of either.
  await answers(page).first().waitFor()
  await field(page).press('Enter')
  await said(page).nth(1).waitFor()
  await leave()
  await entry.click()
  await expect.poll(() => field(page).inputValue()).toBe(more)
  letGo()
  await expect.poll(() => field(page).inputValue()).toBe('')
  await said(page).nth(1).waitFor()
  await expect.poll(() => wholeAnswer(page)).toBe(words(1, 4))
  await page.reload()
  await expect.poll(() => wholeAnswer(page)).toBe(words(1, 4))
  expect(await said(page).count()).toBe(2)

  // What is stopped before it has begun stops when it does.
  letGo = await holdBack(page, /\/messages$/)
  await say(page, `Never mind ${script(reply(300, 60))}`)
  await stopButton(page).click()
  letGo()
  await page.getByText('Stopped.').waitFor()

  // The conversation is made while its reader looks elsewhere, and stays there.
  await leave()
  letGo = await holdBack(page, /\/conversations$/)
  const first = `Elsewhere ${script(reply(2))}`
  await say(page, first)
  await entry.click()
  await said(page).first().waitFor()
  letGo()
  const made = list.getByText('Without a title')
  await made.waitFor()
  expect(new URL(page.url()).pathname).toBe(here)
  await made.click()
  await page.getByText('Nothing was said here yet.').waitFor()
  expect(await field(page).inputValue()).toBe(first)
  await field(page).press('Enter')
  expect(await wholeAnswer(page)).toBe(words(1, 2))
  expect(device.faults).toEqual([])
})

test('a reply that fails says why, and is tried again', async () => {
  const device = await enter()
  const { page } = device
  await say(page, `Try ${script([{ tokens: 3 }, { reset: true }], reply(5))}`)
  await answers(page).getByRole('button', { name: 'Try again' }).waitFor()
  expect(await answers(page).innerText()).toContain('w3')
  const fault = await answers(page).getByRole('alert').innerText()
  await page.reload()
  expect(await answers(page).getByRole('alert').innerText()).toBe(fault)
  await expectAccessible(page)
  await answers(page).getByRole('button', { name: 'Try again' }).click()
  expect(await wholeAnswer(page)).toBe(words(1, 5))
  expect(device.faults).toEqual([])
})

test('words are edited and answers made anew, each on a branch of its own', async () => {
  const device = await enter()
  const { page } = device
  const say1 = script([{ text: 'First answer' }], [{ text: 'Second answer' }])
  await say(page, `Ask ${say1}`)
  expect(await wholeAnswer(page)).toBe('First answer')
  await answers(page).getByRole('button', { name: 'Another reply' }).click()
  await answers(page).getByText('Second answer').waitFor()
  await answers(page).getByText('2 / 2').waitFor()
  await answers(page).getByRole('button', { name: 'Version before' }).click()
  await answers(page).getByText('First answer').waitFor()
  await answers(page).getByText('1 / 2').waitFor()

  await said(page).getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('Other words').fill(`Reworded ${script([{ text: 'Third answer' }])}`)
  await page.getByRole('button', { name: 'Say this instead' }).click()
  await answers(page).getByText('Third answer').waitFor()
  await said(page).getByText('2 / 2').waitFor()
  await page.reload()
  await answers(page).getByText('Third answer').waitFor()
  await said(page).getByRole('button', { name: 'Version before' }).click()
  // The newest branch through the first wording.
  await answers(page).getByText('Second answer').waitFor()
  await said(page).getByText(/^Ask/).waitFor()
  expect(device.faults).toEqual([])
})

test('files are attached with progress, sent, seen and saved; their names are only text', async () => {
  const device = await enter()
  const { page } = device
  const hostile = '<img src=x onerror=alert(1)>.png'
  const input = page.locator('input[type=file]')
  await input.setInputFiles([
    { name: hostile, mimeType: 'image/png', buffer: PNG },
    { name: 'gone.txt', mimeType: 'text/plain', buffer: Buffer.from('never mind') },
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('The ship is called Parley') },
  ])
  await page.getByRole('button', { name: 'Remove gone.txt' }).click()
  await page.getByRole('list', { name: 'Files to send' }).getByText(/25 B/).waitFor()
  await expectAccessible(page)
  await say(page, `Look ${script(reply(2))}`)
  await page.getByRole('img', { name: hostile }).waitFor()
  expect(await page.getByRole('img', { name: hostile }).getAttribute('src')).toMatch(/^blob:/)
  expect(await said(page).getByText('gone.txt').count()).toBe(0)
  const saved = page.waitForEvent('download')
  await said(page)
    .getByRole('button', { name: /notes\.txt/ })
    .click()
  expect((await saved).suggestedFilename()).toBe('notes.txt')
  await wholeAnswer(page)
  expect(device.faults).toEqual([])
})

const HOSTILE = [
  '<script>window.hit = 1</script><img src="https://evil.example/a.png" onerror="window.hit = 2">',
  '![picture](https://evil.example/b.png)',
  '[click](javascript:window.hit=3) [data](data:text/html,<script>window.hit=4</script>) <javascript:window.hit=5>',
  '<iframe src="https://evil.example"></iframe><svg onload="window.hit=6">',
  '[a]: javascript:window.hit=7',
  '[a]',
  '`<b>` **bold** [good](https://example.com/page)',
  '```html\n<script>window.hit = 8</script>\n```',
].join('\n\n')

test('hostile Markdown of a model, and hostile words and titles, run and load nothing', async () => {
  const device = await enter()
  const { page } = device
  await say(page, `<img src=x onerror="window.hit=9"> ${script([{ reasoning: HOSTILE }, { text: HOSTILE }])}`)
  await wholeAnswer(page)
  await page.reload()
  await wholeAnswer(page)
  const answer = answers(page)
  expect(await answer.locator('img, script, iframe, svg[onload], object, embed').count()).toBe(0)
  const links = await answer.locator('a').evaluateAll((found) => found.map((link) => link.getAttribute('href')))
  expect(links).toEqual(['https://evil.example/b.png', 'https://example.com/page'])
  expect(await answer.locator('strong').innerText()).toBe('bold')
  expect(await page.evaluate(() => (globalThis as { hit?: number }).hit)).toBeUndefined()
  await expectAccessible(page)
  expect(device.faults).toEqual([])
})

const MANY = 5_000

test(`${MANY} messages are scrolled through with few of them in the page`, async () => {
  const device = await enter()
  const { page } = device
  const conversation = crypto.randomUUID()
  const lines: object[] = [
    { type: 'parley.export', version: 1 },
    { type: 'conversation', id: conversation, title: 'A long one', head_id: `m${MANY}` },
  ]
  for (let at = 1; at <= MANY; at++) {
    const role = at % 2 === 1 ? 'user' : 'assistant'
    const content = `Message ${at}. ${'It goes on. '.repeat(at % 7)}`
    const parent = at === 1 ? null : `m${at - 1}`
    lines.push({ type: 'message', id: `m${at}`, conversation_id: conversation, parent_id: parent, role, content })
  }
  const imported = await device.ask('POST', '/import', lines.map((line) => JSON.stringify(line)).join('\n'))
  expect(imported).toMatchObject({ messages: { imported: MANY } })
  await page.goto('/app/chat')
  await page.getByRole('link', { name: /A long one/ }).click()
  await page.getByText(`Message ${MANY}.`).waitFor()

  const list = page.getByRole('region', { name: 'Messages' })
  const shown = () => page.locator('.message').evaluateAll((found) => found.length)
  let most = 0
  const isAtFirst = () =>
    page
      .getByText('Message 1.', { exact: true })
      .or(page.getByText(/^Message 1\. /))
      .count()
  for (let rounds = 0; rounds < 2_000 && (await isAtFirst()) === 0; rounds++) {
    await list.hover()
    await page.mouse.wheel(0, -4_000)
    most = Math.max(most, await shown())
    expect(most).toBeGreaterThan(0)
  }
  expect(await isAtFirst()).toBe(1)
  expect(most).toBeLessThan(200)
  await page.getByRole('button', { name: 'To the newest' }).click()
  await page.getByText(`Message ${MANY}.`).waitFor()
  expect(await shown()).toBeLessThan(200)
  expect(device.faults).toEqual([])
})

test('conversations are found, renamed, put into projects, archived, exported and deleted, on a phone', async () => {
  const device = await enter({ viewport: { width: 375, height: 700 } })
  const { page } = device
  await say(page, `Tall ships ${script([{ text: 'They sail the sea' }])}`)
  await wholeAnswer(page)
  // On a phone the list is another view.
  await page.getByRole('link', { name: 'All conversations' }).click()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Projects' }).click()
  await page.getByRole('button', { name: 'New project' }).click()
  await page.getByLabel('Name').fill('Voyages')
  await page.getByRole('button', { name: 'Make the project' }).click()
  await page.getByRole('button', { name: 'Edit Voyages' }).waitFor()
  await page.getByRole('button', { name: 'Close' }).click()

  await page.getByLabel('Search in all conversations').fill('sail sea')
  await page.getByRole('link', { name: /They sail the sea/ }).click()
  await page.getByText('up to what was found').waitFor()
  await page.getByRole('link', { name: 'Go on with it' }).click()
  await page.getByRole('button', { name: 'Settings of the conversation' }).click()
  await page.getByLabel('Title').fill('Ships')
  await page.getByLabel('Project').selectOption({ label: 'Voyages' })
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'Ships' }).waitFor()

  await page.getByRole('button', { name: 'Settings of the conversation' }).click()
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export' }).click()
  expect((await saved).suggestedFilename()).toMatch(/^parley-.*\.ndjson$/)
  await page.getByRole('button', { name: 'Archive' }).click()
  await page.getByRole('button', { name: 'Take out of the archive' }).waitFor()
  await page.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('link', { name: 'All conversations' }).click()
  await page.getByLabel('Search in all conversations').fill('')
  await page.getByText('No conversations').waitFor()
  await page.getByLabel('Which conversations').selectOption('archived')
  await page.getByRole('link', { name: /Ships/ }).click()
  await page.getByRole('button', { name: 'Settings of the conversation' }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete the conversation' }).click()
  await page.getByText('No conversations').waitFor()
  expect(device.faults).toEqual([])
})
