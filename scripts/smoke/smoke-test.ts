import { randomBytes } from 'node:crypto'
import { auth, getJson, postJson, send } from '../call-api.ts'
import { type Account, PAGES, talkInChannel, talkToModel } from './checks.ts'

/** How often a page is asked for that does not answer yet: a new address needs a moment to be known everywhere. */
const TRIES = 10
const PAUSE_MS = 2_000

/**
 * Does what clients do, and says of each step how it went. False when one failed; those that need it are then left out.
 * The account that it makes is deleted in any case.
 */
export async function smokeTest(url: string, say: (line: string) => void = console.log): Promise<boolean> {
  const failed: string[] = []
  /** What `work` gives; nothing when it failed. */
  async function step<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    const startedAt = performance.now()
    try {
      const result = await work()
      say(`ok      ${what} (${Math.round(performance.now() - startedAt)} ms)`)
      return result
    } catch (error) {
      failed.push(what)
      say(`FAILED  ${what}: ${reasonOf(error)}`)
      return undefined
    }
  }

  say(`Trying ${url}`)
  const answers = await step('it answers', () => untilItAnswers(`${url}/health`).then(() => true))
  if (answers) {
    await step('database and migrations are there', () => checkReadiness(url, say))
    for (const [path, mark] of Object.entries(PAGES)) await step(`${path} is served`, () => checkPage(url + path, mark))
    const account = await step('an account is registered', () => register(url))
    if (account) {
      await step('a reply is streamed to its end, and resumed from its middle', () => talkToModel(account))
      await step('a message in a channel comes over a socket', () => talkInChannel(account))
      await step('the account is deleted', () => remove(account))
    }
  }
  say(failed.length === 0 ? 'All of it works.' : `${failed.length} failed: ${failed.join('; ')}.`)
  return failed.length === 0
}

async function untilItAnswers(url: string): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await getJson(url)
      return
    } catch (error) {
      if (tried === TRIES || isLocal(url)) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
}

const isLocal = (url: string) => ['127.0.0.1', 'localhost'].includes(new URL(url).hostname)

async function checkReadiness(url: string, say: (line: string) => void): Promise<void> {
  const { warnings } = await getJson<{ warnings: string[] }>(`${url}/ready`)
  for (const warning of warnings) say(`note    ${warning}`)
}

async function checkPage(url: string, mark: string): Promise<void> {
  const text = await (await send(url)).text()
  if (!text.includes(mark)) throw new Error(`the answer is another page: it lacks ${mark}`)
}

async function register(url: string): Promise<Account> {
  const username = `smoke_${randomBytes(6).toString('hex')}`
  const password = randomBytes(18).toString('base64url')
  const { access_token: token } = await postJson<{ access_token: string }>(`${url}/api/v1/auth/register`, {
    username,
    password,
  })
  return { api: `${url}/api/v1`, url, token }
}

async function remove({ api, token }: Account): Promise<void> {
  await send(`${api}/users/me`, { method: 'DELETE', headers: auth(token) })
}

/** In words; that of a connection that was not made stands in its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message ? `${message}: ${cause.message}` : message
}
