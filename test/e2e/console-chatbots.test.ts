import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { type DeviceOptions, expectAccessible } from '../support/browser.ts'
import { useConsole } from '../support/console.ts'
import { marker, reply } from '../support/fake-openai.ts'

const parley = useConsole({ vars: { KEY_CACHE_MS: '0' } })

/** A signed-up user who has just made a chatbot. */
async function withChatbot(name: string, options?: DeviceOptions) {
  const device = await parley.enter('/app/chatbots', options)
  const { page } = device
  await page.getByRole('button', { name: 'New chatbot' }).click()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Instructions').fill('You help customers of a bakery.')
  await page.getByRole('button', { name: 'Make the chatbot' }).click()
  await page.getByRole('heading', { name, level: 1 }).waitFor()
  return device
}

/** What the server was last asked by the fake's script. */
const asked = (script: string) =>
  parley.upstream.calls(script).at(-1)!.body as { model: string; messages: { content: string }[] }

test('a chatbot is made, changed, tried, set back, and deleted', async () => {
  const device = await withChatbot('Bakery')
  const { page } = device
  await page.getByLabel('Instructions').fill('You answer in rhymes.')
  await page.getByLabel('Temperature').fill('0.5')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved as version 2').waitFor()

  const slow = parley.upstream.script([
    [{ tokens: 3, gap_ms: 20 }, { text: '**bold** <img src=x>' }, { hang: true }],
    reply(4),
  ])
  await page.getByLabel('Message').fill(`Good morning ${marker(slow)}`)
  await page.keyboard.press('Enter')
  const said = page.getByRole('log')
  // It is seen while it is written, and no text of it becomes an element that loads anything.
  await said.locator('strong', { hasText: 'bold' }).waitFor()
  await said.getByText('<img src=x>').waitFor()
  expect(asked(slow).messages[0]!.content).toContain('You answer in rhymes.')
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.getByRole('button', { name: 'Send' }).waitFor()
  // What was said stays said: the next question is asked with it.
  await page.getByLabel('Message').fill(`And then? ${marker(slow)}`)
  await page.getByRole('button', { name: 'Send' }).click()
  await said.getByText('w1 w2 w3 w4').waitFor()
  await page.getByText('10 tokens read, 4 written').waitFor()
  expect(
    asked(slow)
      .messages.map(({ content }) => content)
      .join(),
  ).toContain('**bold** <img src=x>')

  await page.getByRole('link', { name: 'Versions' }).click()
  await page.getByRole('button', { name: 'Use again' }).click()
  await page.getByRole('heading', { name: 'Version 3' }).waitFor()
  await page.getByRole('link', { name: 'Settings' }).click()
  expect(await page.getByLabel('Instructions').inputValue()).toBe('You help customers of a bakery.')
  expect(await page.getByLabel('Temperature').inputValue()).toBe('')

  await page.getByRole('button', { name: 'Delete the chatbot' }).click()
  const dialog = page.getByRole('dialog', { name: 'Delete Bakery?' })
  await dialog.getByRole('button', { name: 'Delete the chatbot' }).click()
  await page.getByRole('heading', { name: 'No chatbot yet' }).waitFor()
  expect(device.faults).toEqual([])
})

test('a key is made in the browser, opens the chatbot to the openai package, and is refused once revoked', async () => {
  const device = await withChatbot('Shop', { permissions: ['clipboard-read', 'clipboard-write'] })
  const { page } = device
  await page.getByRole('link', { name: 'API keys' }).click()
  await page.getByRole('heading', { name: 'No key yet' }).waitFor()
  await page.getByRole('button', { name: 'New key' }).click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('My server')
  await page.getByLabel('Tokens a month').fill('100000')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByText('it is not shown again').waitFor()
  const apiKey = await page.getByRole('textbox', { name: 'API key', exact: true }).inputValue()
  await page.getByRole('button', { name: 'Copy the key' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(apiKey)
  await page.getByRole('tab', { name: 'curl' }).press('ArrowRight')
  const python = await page.getByRole('tabpanel').innerText()
  expect(python).toContain(`OpenAI(base_url="${parley.url}/v1", api_key="${apiKey}")`)
  await page.getByRole('button', { name: 'I have stored it' }).click()

  const client = new OpenAI({ baseURL: `${parley.url}/v1`, apiKey, maxRetries: 0 })
  const ask = () =>
    client.chat.completions.create({ model: 'default', messages: [{ role: 'user', content: 'Bread?' }] })
  expect((await ask()).choices[0]!.message.content).toBe('You said: Bread?')

  // The list knows the beginning and the end of it, and nothing shows the whole again.
  await page.reload()
  await page.getByText(`${apiKey.slice(0, 14)}…${apiKey.slice(-4)}`).waitFor()
  await page.getByText('100,000 tokens a month').waitFor()
  expect(await page.content()).not.toContain(apiKey)

  await page.getByRole('button', { name: 'Rotate My server' }).click()
  await page.getByRole('button', { name: 'Make the new key' }).click()
  const next = await page.getByRole('textbox', { name: 'API key', exact: true }).inputValue()
  expect(next).not.toBe(apiKey)
  await page.getByRole('button', { name: 'I have stored it' }).click()
  const old = page.getByRole('listitem').filter({ hasText: apiKey.slice(-4) })
  await old.getByText('Active until').waitFor()
  // Both work, for the hour that was said.
  expect((await ask()).choices).toHaveLength(1)

  await old.getByRole('button', { name: 'Revoke My server' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke the key' }).click()
  await old.getByText('Revoked').waitFor()
  await expect(ask()).rejects.toMatchObject({ status: 401, code: 'revoked_api_key' })
  expect(device.faults).toEqual([])
})

test('a form that is wrong says so at its field, also deep in it, and keeps what was typed', async () => {
  const { page } = await withChatbot('Wrong')
  await page.getByLabel('Server').selectOption('A server of your own')
  await page.getByLabel('Base URL').fill('https://127.0.0.1/v1')
  await page.getByRole('button', { name: 'Add a fallback' }).click()
  await page.getByLabel('Base URL').nth(1).fill('https://localhost/v1')
  await page.getByLabel('Handle').fill('no such handle')
  await page.getByRole('button', { name: 'Save' }).click()
  const handle = page.getByLabel('Handle')
  await page.locator('[name=handle][aria-invalid=true]').waitFor()
  await page.getByText('3 to 32 letters').waitFor()
  await page.locator('[name=handle]:focus').waitFor()
  await handle.fill('')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.locator('[name="fallbacks/0/llm_endpoint_url"][aria-invalid=true]').waitFor()
  expect(await page.getByLabel('Base URL').first().getAttribute('aria-invalid')).toBe('true')
  expect(await page.getByLabel('Base URL').nth(1).inputValue()).toBe('https://localhost/v1')
  await expectAccessible(page)

  // A public key without the pages that may use it.
  await page.getByRole('link', { name: 'API keys' }).click()
  await page.getByRole('button', { name: 'New key' }).click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Widget')
  await page.getByLabel('Kind').selectOption('pk')
  await page.getByLabel('Pages').fill('http://www.example.com')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.locator('[name=allowed_origins][aria-invalid=true]').waitFor()
  await page.getByLabel('Pages').fill('https://www.example.com')
  await page.getByRole('button', { name: 'Make the key' }).click()
  expect(await page.getByRole('textbox', { name: 'API key', exact: true }).inputValue()).toMatch(/^parley_pk_/)
})

test('what the model’s server refuses is said where it was asked, and can be asked again', async () => {
  const { page } = await withChatbot('Unlucky')
  const script = parley.upstream.script([[{ status: 400, json: { error: { message: 'no' } } }], reply(3)])
  await page.getByLabel('Message').fill(`Hello ${marker(script)}`)
  await page.keyboard.press('Enter')
  const log = page.getByRole('log')
  await log.getByRole('alert').waitFor()
  await expectAccessible(page)
  await log.getByRole('button', { name: 'Try again' }).click()
  await log.getByText('w1 w2 w3').waitFor()
  expect(await log.getByText('Hello').count()).toBe(1)
})

test('files are what a chatbot knows, and a phone has room for all of it', async () => {
  const device = await withChatbot('Reader', { viewport: { width: 375, height: 720 } })
  const { page } = device
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Add files' }).click()
  const buffer = Buffer.from('The bakery opens at seven.')
  await (await chooser).setFiles({ name: '<img src=x>.txt', mimeType: 'text/plain', buffer })
  await page.getByText('<img src=x>.txt').waitFor()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved as version 2').waitFor()
  const script = parley.upstream.script([reply(2)])
  await page.getByLabel('Message').fill(`When? ${marker(script)}`)
  await page.keyboard.press('Enter')
  await page.getByText('w1 w2').waitFor()
  expect(JSON.stringify(asked(script).messages)).toContain('The bakery opens at seven.')
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375)
  await expectAccessible(page)
  expect(device.faults).toEqual([])
})
