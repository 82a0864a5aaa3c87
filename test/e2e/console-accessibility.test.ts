import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { seedTeam } from '../../scripts/seed/team.ts'
import { seed } from '../../scripts/seed/write.ts'
import { type Device, faultsOf } from '../support/browser.ts'
import { PASSWORD, useConsole } from '../support/console.ts'
import { type Ids, SCENES, type Scene } from '../support/console-screens.ts'

const parley = useConsole({ isOffline: true, vars: { OFFLINE_TOKEN_MS: '0' } })
const devices = {} as Record<'nobody' | 'nora' | 'mateo' | 'newcomer', Device>
let ids: Ids

// Demo data, of which Nora is the administrator and has something everywhere.
beforeAll(async () => {
  await seed({ remote: false, persistTo: parley.folder }, PASSWORD)
  await seedTeam(parley.url, PASSWORD)
  devices.nobody = await parley.open()
  devices.nora = await parley.enter('/app/chat', { as: 'nora' })
  devices.mateo = await parley.enter('/app/chat', { as: 'mateo' })
  devices.newcomer = await parley.enter('/app/chat')

  const { ask } = devices.nora
  const [conversation] = await ask('GET', '/conversations')
  const { messages } = await ask('GET', `/conversations/${conversation.id}`)
  const share = await ask('POST', `/conversations/${conversation.id}/shares`, {})
  const [channel] = await ask('GET', '/channels?scope=member')
  const [chatbot] = await ask('GET', '/chatbots')
  const [lucia] = await ask('GET', '/admin/users?search=lucia')
  await ask('POST', '/projects', { name: 'Voyages' })
  await ask('POST', `/channels/${channel.id}/ban-by-username/samir`, { reason: null })
  ids = {
    conversation: conversation.id,
    message: messages[0].id,
    share: share.token,
    channel: channel.id,
    chatbot: chatbot.id,
    lucia: lucia.id,
    nora: (await ask('GET', '/users/me')).id,
  }
})

async function play(page: Page, { path, steps = [], dialog, shows }: Scene): Promise<void> {
  await page.goto(path.replaceAll(/:(\w+)/g, (_, name: keyof Ids) => ids[name]))
  for (const step of steps) {
    if (typeof step === 'string') await page.locator(step).click()
    else await page.locator(step.fill).fill(step.with)
  }
  if (dialog) await page.getByRole('dialog', { name: dialog, exact: true }).waitFor()
  if (shows) await page.locator(shows).first().waitFor()
}

/** How far the page is wider than a phone, in pixels. */
async function overflowOnPhone(page: Page): Promise<number> {
  const size = page.viewportSize()!
  await page.setViewportSize({ width: 375, height: 700 })
  const overflow = await page.evaluate('document.scrollingElement.scrollWidth - innerWidth')
  await page.setViewportSize(size)
  return overflow as number
}

for (const [who, { as = 'nobody', scenes }] of Object.entries(SCENES)) {
  test(`${who}: every screen and dialog is for everybody, in light and in dark, and fits a phone`, async () => {
    const { page, faults } = devices[as]
    const found: string[] = []
    for (const scene of scenes) {
      const name = [scene.path, scene.dialog ?? scene.shows].join(' ')
      await play(page, scene).catch((cause) => {
        throw new Error(`It was not shown: ${name}`, { cause })
      })
      found.push(...(await faultsOf(page)).map((fault) => `${name} ${fault}`))
      const overflow = await overflowOnPhone(page)
      if (overflow > 0) found.push(`${name} is ${overflow} px wider than a phone`)
    }
    expect(found).toEqual([])
    expect(faults).toEqual([])
  })
}

test('no dialog of the console is missing in that list', () => {
  const folder = join(import.meta.dirname, '../../console')
  const sources = ['screens', 'ui'].flatMap((part) =>
    readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.tsx'))
      .map((name) => readFileSync(join(folder, part, name), 'utf8')),
  )
  const titles = sources.flatMap((source) =>
    [...source.matchAll(/<Dialog title=\{?["'`](.+?)["'`]|\btitle: ["'`](.+?)["'`],/g)].map(
      ([, one, other]) => one ?? other!,
    ),
  )
  expect(titles.length).toBeGreaterThan(20)
  const shown = Object.values(SCENES).flatMap(({ scenes }) => scenes.flatMap(({ dialog }) => dialog ?? []))
  const isShown = (title: string) => {
    const pattern = new RegExp(
      `^${title
        .split(/\$\{.+?\}/)
        .map((text) => text.replaceAll('?', '[?]'))
        .join('.+')}$`,
    )
    return shown.some((dialog) => pattern.test(dialog))
  }
  expect(titles.filter((title) => !isShown(title))).toEqual([])
})
