import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { type Body, type DeviceOptions, expectAccessible, faultsBut, PNG } from '../support/browser.ts'
import { type Person, useConsole } from '../support/console.ts'
import { type ServerUser, signIn, until } from '../support/server-user.ts'

const parley = useConsole({ isOffline: true, vars: { CHANNEL_SEND_LIMIT: '100000', OFFLINE_TOKEN_MS: '100' } })
/** Somebody at the channels, on a device of their own. */
const newPerson = (options?: DeviceOptions) => parley.enter('/app/channels', options)

/** A channel that the first of these people owns and all have open. */
async function meet(visibility: 'public' | 'private', owner: Person, ...others: Person[]): Promise<Body> {
  const name = `channel-${crypto.randomUUID().slice(0, 8)}`
  const channel = await owner.ask('POST', '/channels', { name, visibility })
  for (const other of others) await owner.ask('POST', `/channels/${channel.id}/members`, { username: other.name })
  for (const { page } of [owner, ...others]) {
    await page.getByRole('link', { name }).click()
    await composer(page, name).waitFor()
  }
  return channel
}

const composer = (page: Page, name: string) => page.getByRole('textbox', { name: `Message ${name}` })
const messages = (page: Page) => page.getByRole('region', { name: 'Messages', exact: true })
const said = (page: Page, text: string) => messages(page).getByRole('article').filter({ hasText: text })

async function say(page: Page, name: string, text: string): Promise<void> {
  await composer(page, name).fill(text)
  await composer(page, name).press('Enter')
}

async function act(page: Page, text: string, action: string): Promise<void> {
  const article = said(page, text)
  await article.hover()
  await article.getByRole('button', { name: /^Actions for message/ }).click()
  await article.getByRole('toolbar').getByRole('button', { name: action }).click()
}

const textsOf = (page: Page, pattern: RegExp) =>
  messages(page)
    .getByRole('article')
    .evaluateAll(
      (articles, source) => articles.flatMap(({ textContent }) => textContent.match(new RegExp(source)) ?? []),
      pattern.source,
    )

test('somebody makes a channel, others find and join it, and what is said while one is offline is there once and in order', async () => {
  const [ada, bob] = [await newPerson(), await newPerson()]
  const name = `talk-${crypto.randomUUID().slice(0, 8)}`
  await ada.page.getByText('You are in no channel').waitFor()
  await ada.page.getByRole('button', { name: 'New' }).click()
  await ada.page.getByLabel('Name').fill(name)
  await ada.page.getByRole('button', { name: 'Make the channel' }).click()
  await composer(ada.page, name).waitFor()
  await bob.page.getByRole('button', { name: 'Find' }).click()
  await bob.page.getByRole('searchbox').fill(name.slice(0, 9))
  await bob.page.getByRole('button', { name: `Join ${name}` }).click()
  await say(bob.page, name, 'number 1')
  await said(ada.page, 'number 1').waitFor()

  await bob.context.setOffline(true)
  await bob.page.getByText('Connecting again').waitFor()
  await expectAccessible(bob.page)
  for (const n of [2, 3]) await say(bob.page, name, `number ${n}`)
  for (const n of [4, 5]) await say(ada.page, name, `number ${n}`)
  expect(await bob.page.getByText('Sending…').count()).toBe(2)
  await said(ada.page, 'number 5').waitFor()
  expect(await said(ada.page, 'number 2').count()).toBe(0)

  await bob.context.setOffline(false)
  await bob.page.getByText('Connecting again').waitFor({ state: 'detached' })
  await bob.page.getByText('Sending…').first().waitFor({ state: 'detached' })
  await said(ada.page, 'number 3').waitFor()
  const order = ['number 1', 'number 4', 'number 5', 'number 2', 'number 3']
  for (const { page } of [ada, bob]) {
    await until(10_000, async () => String(await textsOf(page, /number \d/)) === String(order))
    await page.reload()
    await said(page, 'number 3').waitFor()
    expect(await textsOf(page, /number \d/)).toEqual(order)
  }
  expect([ada.faults, bob.faults]).toEqual([[], []])
})

test('reactions, threads, edits, pins and deletions are seen at once by others, and so is who writes', async () => {
  const [ada, bob] = [await newPerson(), await newPerson()]
  const { name } = await meet('private', ada, bob)
  await composer(bob.page, name).pressSequentially('Shall we?')
  await ada.page.getByText(`${bob.name} is writing…`).waitFor()
  await ada.page.getByText('2 here').waitFor()
  await composer(bob.page, name).press('Enter')
  await said(ada.page, 'Shall we?').waitFor()
  await ada.page.getByText(`${bob.name} is writing…`).waitFor({ state: 'detached' })

  await act(ada.page, 'Shall we?', 'React with 🎉')
  await said(bob.page, 'Shall we?').getByRole('button', { name: '🎉, 1', exact: true }).click()
  await said(ada.page, 'Shall we?').getByRole('button', { name: '🎉, 2, also yours' }).click()
  await said(bob.page, 'Shall we?').getByRole('button', { name: '🎉, 1, also yours' }).waitFor()

  await act(ada.page, 'Shall we?', 'Reply in thread')
  const reply = ada.page.getByRole('textbox', { name: 'Reply in the thread' })
  await reply.fill('Yes, we shall')
  await reply.press('Enter')
  await said(bob.page, 'Shall we?').getByRole('button', { name: '1 reply' }).click()
  const thread = bob.page.getByRole('region', { name: 'Messages of the thread' })
  await thread.getByText('Yes, we shall').waitFor()
  await bob.page.getByRole('textbox', { name: 'Reply in the thread' }).fill('Then I come')
  await bob.page.getByRole('textbox', { name: 'Reply in the thread' }).press('Enter')
  await ada.page.getByRole('region', { name: 'Messages of the thread' }).getByText('Then I come').waitFor()
  await said(ada.page, 'Shall we?').getByRole('button', { name: '2 replies' }).waitFor()
  expect(await said(ada.page, 'Then I come').count()).toBe(0)
  await ada.page.getByRole('button', { name: 'Close thread' }).click()

  await act(bob.page, 'Shall we?', 'Edit')
  await bob.page.getByLabel('Your message').fill('Shall we *dance*?')
  await bob.page.getByRole('button', { name: 'Save' }).click()
  await said(ada.page, 'Shall we dance?').getByText('edited').waitFor()
  await act(ada.page, 'dance', 'Pin')
  await said(bob.page, 'dance').getByText('pinned').waitFor()
  await bob.page.getByRole('button', { name: 'Pins' }).click()
  await bob.page.getByRole('complementary', { name: 'Beside the channel' }).getByText('Shall we').waitFor()

  await act(bob.page, 'dance', 'Delete')
  await bob.page.getByRole('button', { name: 'Delete the message' }).click()
  await ada.page.getByText('This message was deleted.').waitFor()
  expect(await said(ada.page, 'dance').count()).toBe(0)
  expect([ada.faults, bob.faults]).toEqual([[], []])
})

test('what is unread is counted until it is seen, and who is named is told so', async () => {
  const [ada, bob] = [await newPerson(), await newPerson()]
  const channel = await meet('public', ada, bob)
  await ada.page.getByRole('button', { name: 'Write to somebody' }).click()
  await ada.page.getByLabel('Username').fill('nobody-of-this-name')
  await ada.page.getByRole('button', { name: 'Open' }).click()
  await ada.page.getByText('There is nobody of this name').waitFor()
  await ada.page.getByLabel('Username').fill(bob.name)
  await ada.page.getByRole('button', { name: 'Open' }).click()
  await say(ada.page, bob.name, 'In private')
  const direct = bob.page.getByRole('link', { name: ada.name })
  await direct.getByText('1 unread').waitFor()

  const link = ada.page.getByRole('link', { name: channel.name })
  for (const text of ['One', 'Two', `@${ada.name}, three`]) await say(bob.page, channel.name, text)
  await link.getByText('3 unread').waitFor()
  await link.getByText('@1 mentions of you').waitFor()
  await expectAccessible(ada.page)
  await link.click()
  await messages(ada.page).getByText('New', { exact: true }).waitFor()
  await messages(ada.page).locator('mark.mention.me').waitFor()
  await link.getByText('unread').waitFor({ state: 'detached' })
  await until(10_000, async () => {
    const [counted] = (await ada.ask('GET', '/channels/unread')).filter((one: Body) => one.channel_id === channel.id)
    return counted.unread === 0
  })
  await say(bob.page, channel.name, 'Four')
  await said(ada.page, 'Four').waitFor()
  expect(await link.getByText('unread').count()).toBe(0)
  await direct.click()
  await said(bob.page, 'In private').waitFor()
  await direct.getByText('unread').waitFor({ state: 'detached' })
  expect([faultsBut(ada, 422), bob.faults]).toEqual([[], []])
})

test('an owner makes a moderator, mutes, invites and bans; who is banned sees it at once and why', async () => {
  const [ada, bob, eve] = [await newPerson(), await newPerson(), await newPerson()]
  const { name, id } = await meet('private', ada, bob)
  await ada.page.getByRole('button', { name: 'Members', exact: true }).click()
  const panel = ada.page.getByRole('complementary', { name: 'Beside the channel' })
  await panel.getByRole('button', { name: 'Invitations' }).click()
  await panel.getByRole('button', { name: 'Make an invitation' }).click()
  const code = await panel.locator('code').textContent()
  await eve.page.getByRole('button', { name: 'Use an invitation' }).click()
  await eve.page.getByLabel('Code').fill(code!)
  await eve.page.getByRole('button', { name: 'Join', exact: true }).click()
  await say(eve.page, name, 'Here I am')
  await said(ada.page, 'Here I am').waitFor()

  await panel.getByRole('button', { name: 'Members', exact: true }).click()
  const manage = (who: Person) => panel.getByRole('button', { name: `Actions for ${who.name}` }).click()
  await manage(bob)
  await panel.getByRole('button', { name: 'Make moderator' }).click()
  await panel.getByRole('listitem').filter({ hasText: bob.name }).getByText('moderator').waitFor()
  await bob.page.getByRole('button', { name: 'Members', exact: true }).click()
  await bob.page.getByRole('button', { name: `Actions for ${eve.name}` }).waitFor()

  await manage(eve)
  await panel.getByRole('button', { name: 'Mute for an hour' }).click()
  await panel.getByText('Muted until').waitFor()
  await say(eve.page, name, 'Do you hear me?')
  await eve.page.getByText('It was not sent').waitFor()
  await manage(eve)
  await panel.getByRole('button', { name: 'Let speak' }).click()
  await panel.getByText('Muted until').waitFor({ state: 'detached' })
  await eve.page.getByRole('button', { name: 'Try again' }).click()
  await said(bob.page, 'Do you hear me?').waitFor()

  await manage(eve)
  await panel.getByRole('button', { name: 'Ban…' }).click()
  await ada.page.getByLabel('Reason').fill('Too loud')
  await ada.page.getByRole('button', { name: 'Ban', exact: true }).click()
  await eve.page.getByRole('heading', { name: `${name} is closed to you: you were banned from it.` }).waitFor()
  expect(await eve.page.getByRole('link', { name }).count()).toBe(0)
  await expectAccessible(eve.page)
  await panel.getByRole('listitem').filter({ hasText: eve.name }).waitFor({ state: 'detached' })
  await panel.getByRole('button', { name: 'Banned' }).click()
  await panel.getByRole('button', { name: `Lift the ban of ${eve.name}` }).click()
  await panel.getByText('Nobody is banned').waitFor()
  await ada.ask('POST', `/channels/${id}/members`, { username: eve.name })
  await eve.page.getByRole('link', { name }).click()
  await said(eve.page, 'Here I am').waitFor()
  expect([ada.faults, bob.faults, eve.faults]).toEqual([[], [], []])
})

test('a chatbot that is taken in writes, and answers who calls it', async () => {
  const ada = await newPerson()
  const { name } = await meet('private', ada)
  await ada.ask('POST', '/chatbots', { name: 'Helper', handle: `helper-${ada.name.slice(5)}` })
  await ada.page.getByRole('button', { name: 'Members', exact: true }).click()
  await ada.page.getByText('Take somebody in').click()
  await ada.page.getByLabel('A chatbot of yours').waitFor()
  await ada.page.getByRole('button', { name: 'Take the chatbot in' }).click()
  await ada.page.getByText(`Call it by @helper-${ada.name.slice(5)}`).waitFor()
  await say(ada.page, name, `@helper-${ada.name.slice(5)} what is two and two?`)
  await said(ada.page, 'what is two and two?').getByText('Helper is writing…').waitFor()
  await said(ada.page, 'what is two and two?').getByRole('button', { name: '1 reply' }).click()
  const thread = ada.page.getByRole('region', { name: 'Messages of the thread' })
  await thread.getByText('Chatbot', { exact: true }).waitFor()
  await ada.page.getByText('Helper is writing…').waitFor({ state: 'detached' })
  expect(ada.faults).toEqual([])
})

test('files go along with a message, are seen and saved by others, and their names are only text', async () => {
  const [ada, bob] = [await newPerson(), await newPerson()]
  const { name } = await meet('private', ada, bob)
  const hostile = '<img src=x onerror=alert(1)>.png'
  const letGo = Promise.withResolvers<void>()
  await ada.page.route(/\/upload\?/, async (route) => {
    await letGo.promise
    await route.continue()
  })
  await ada.page.locator('input[type=file]').setInputFiles([
    { name: hostile, mimeType: 'image/png', buffer: PNG },
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('The ship is called Parley') },
  ])
  const files = ada.page.getByRole('list', { name: 'Files to send' })
  await files.getByRole('progressbar').or(files.getByText('Uploading…')).first().waitFor()
  const send = ada.page.getByRole('button', { name: 'Send', exact: true })
  expect(await send.isDisabled()).toBe(true)
  letGo.resolve()
  await files.getByText('notes.txt').waitFor()
  await expect.poll(() => send.isDisabled()).toBe(false)
  await say(ada.page, name, 'Look at these')

  const message = said(bob.page, 'Look at these')
  const picture = message.getByRole('img', { name: hostile })
  await picture.waitFor()
  expect(await picture.getAttribute('src')).toMatch(/^blob:/)
  const saved = bob.page.waitForEvent('download')
  await message.getByRole('button', { name: /^Save notes\.txt/ }).click()
  const download = await saved
  expect(download.suggestedFilename()).toBe('notes.txt')
  expect(readFileSync(await download.path(), 'utf8')).toBe('The ship is called Parley')
  expect([ada.faults, bob.faults]).toEqual([[], []])
})

test('who leaves a channel is gone from it, and a channel that is deleted is gone for all, at once', async () => {
  const [ada, bob, eve] = [await newPerson(), await newPerson(), await newPerson()]
  const { name } = await meet('private', ada, bob, eve)
  const leaveBy = async ({ page }: Person, action: string) => {
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('button', { name: action }).click()
    await page.getByRole('dialog').getByRole('button', { name: action }).click()
    await page.getByText('You are in no channel').waitFor()
    expect(new URL(page.url()).pathname).toBe('/app/channels')
  }
  await ada.page.getByRole('button', { name: 'Members', exact: true }).click()
  const members = ada.page.getByRole('complementary', { name: 'Beside the channel' }).getByRole('listitem')
  await members.filter({ hasText: bob.name }).waitFor()
  await leaveBy(bob, 'Leave the channel')
  await members.filter({ hasText: bob.name }).waitFor({ state: 'detached' })
  await say(ada.page, name, 'He is gone')
  await said(eve.page, 'He is gone').waitFor()

  await leaveBy(ada, 'Delete the channel')
  await eve.page.getByRole('heading', { name: `${name} was deleted.` }).waitFor()
  expect(await eve.page.getByRole('link', { name }).count()).toBe(0)
  expect([ada.faults, bob.faults, eve.faults]).toEqual([[], [], []])
})

test('what others say in the channel that is open is told to a screen reader', async () => {
  const [ada, bob] = [await newPerson(), await newPerson()]
  const { name } = await meet('private', ada, bob)
  const told = ada.page.getByRole('log', { name: 'New messages' })
  expect(await told.getAttribute('aria-live')).toBe('polite')
  await say(ada.page, name, 'I know what I say')
  await said(bob.page, 'I know what I say').waitFor()
  await say(bob.page, name, 'Good **morning**')
  await said(ada.page, 'Good morning').waitFor()
  await expect.poll(() => told.innerText()).toBe(`${bob.name}: Good **morning**`)
  // Those that come at once are told all.
  const lines = Array.from({ length: 5 }, (_, n) => `Line ${n}`)
  for (const line of lines) await say(bob.page, name, line)
  await expect
    .poll(() => told.getByRole('paragraph').allInnerTexts())
    .toEqual([`${bob.name}: Good **morning**`, ...lines.map((line) => `${bob.name}: ${line}`)])
  expect([ada.faults, bob.faults]).toEqual([[], []])
})

test('two thousand messages are scrolled through to the first without being drawn all', async () => {
  const ada = await newPerson()
  const channel = await meet('public', ada)
  // One alone may not ask so much.
  const writers = await Promise.all(Array.from({ length: 10 }, () => signIn(parley.url)))
  for (let n = 1; n <= 2_000; n += 100) {
    const send = (user: ServerUser, at: number) =>
      user.json(`/channels/${channel.id}/messages`, { body: { content: `line ${n + at}.` } })
    await Promise.all(writers.flatMap((user, w) => Array.from({ length: 10 }, (_, i) => send(user, 10 * w + i))))
  }
  await messages(ada.page)
    .getByText(/^line 19\d\d\.$/)
    .first()
    .waitFor()
  await ada.page.reload()
  await messages(ada.page).getByText(/^line/).first().waitFor()
  const seen = new Set<number>()
  const look = async () => {
    const shown = await messages(ada.page)
      .locator('[data-seq]')
      .evaluateAll((articles) => articles.map((article) => Number(article.getAttribute('data-seq'))))
    expect(shown.length).toBeLessThan(120)
    expect(shown).toEqual([...new Set(shown)].sort((a, b) => a - b))
    for (const seq of shown) seen.add(seq)
  }
  await messages(ada.page).hover()
  await until(100_000, async () => {
    await look()
    await ada.page.mouse.wheel(0, -3000)
    return (await ada.page.getByText(`This is the beginning of ${channel.name}`).count()) > 0
  })
  await look()
  // Those who wrote joined by it, which has numbers as well.
  expect(Math.min(...seen)).toBeLessThan(30)
  await ada.page.getByRole('button', { name: 'To the newest' }).click()
  await messages(ada.page)
    .locator(`[data-seq="${Math.max(...seen)}"]`)
    .waitFor()
  expect(ada.faults).toEqual([])
}, 200_000)

test('hostile text does nothing, wherever it is shown', async () => {
  const [ada, bob] = [await newPerson({ viewport: { width: 375, height: 700 } }), await newPerson()]
  const hostile = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
  const channel = await bob.ask('POST', '/channels', { name: hostile, description: hostile, visibility: 'private' })
  await bob.ask('PATCH', '/users/me', { display_name: hostile })
  await bob.ask('POST', `/channels/${channel.id}/members`, { username: ada.name })
  const file = await bob.ask('PUT', `/upload?filename=${encodeURIComponent(hostile)}`, { a: 1 })
  const words = [
    hostile,
    '[link](javascript:document.title=1) <javascript:document.title=1> [data](data:text/html,<script>1</script>)',
    '![picture](https://evil.example/pixel.png) ![picture](//evil.example/pixel.png)',
    `<iframe src="https://evil.example"></iframe><a href="https://evil.example" onclick="document.title=1">x</a>`,
    '| a | b |\n|---|---|\n| <svg onload="document.title=1"> | ![x](https://evil.example/y.png) |',
  ]
  for (const content of words) await bob.ask('POST', `/channels/${channel.id}/messages`, { content })
  await bob.ask('POST', `/channels/${channel.id}/messages`, { attachments: [file.id] })
  await ada.page.getByRole('link', { name: hostile.slice(0, 12) }).click()
  const { page } = ada
  await messages(page).locator('table').waitFor()
  await messages(page)
    .getByRole('button', { name: `Save ${file.filename}` })
    .waitFor()
  expect(await page.title()).toMatch(/Parley$/)
  expect(await page.locator('img, script:not([src]), iframe, [onclick], [onload], [onerror]').count()).toBe(0)
  const links = await messages(page)
    .locator('a')
    .evaluateAll((all) => all.map((link) => link.getAttribute('href')!))
  expect(links.length).toBeGreaterThan(0)
  expect(links.filter((href) => !/^https?:/.test(href))).toEqual([])
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Members', exact: true }).click()
  await page.getByRole('complementary', { name: 'Beside the channel' }).getByText(hostile).waitFor()
  expect(await page.locator('html').evaluate((html) => html.scrollWidth)).toBeLessThanOrEqual(375)
  expect(ada.faults).toEqual([])
})
