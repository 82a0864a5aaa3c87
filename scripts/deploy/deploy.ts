import { stripVTControlCharacters } from 'node:util'
import { smokeTest } from '../smoke/smoke-test.ts'
import { EMPTY, lookAt, NotSignedIn } from './account.ts'
import { adviceFor } from './advice.ts'
import { BASE } from './configs.ts'
import { planOf } from './plan.ts'
import { type Wrangler, WranglerFailure } from './wrangler.ts'

type Options = { isDryRun: boolean; realtime: boolean; url?: string }
type Tools = { wrangler: Wrangler; say: (line: string) => void; smoke?: (url: string) => Promise<boolean> }

/** Does all of it, step by step, and says so. False when something failed: it can then be mended and run again. */
export async function deploy(
  { isDryRun, realtime, url }: Options,
  { wrangler, say, smoke = smokeTest }: Tools,
): Promise<boolean> {
  const account = await lookAt(wrangler, BASE).catch((error) => {
    if (!isDryRun || !(error instanceof NotSignedIn)) return fail('look at the account', error, say)
    say('Nobody is signed in to Cloudflare. An account with nothing of Parley in it would get this:')
    return EMPTY
  })
  if (!account) return false
  const { steps, address } = planOf(account, BASE, { wrangler, realtime, say })
  for (const { title, run } of steps) {
    say(isDryRun ? `Would ${title}` : `· ${title}`)
    if (isDryRun) continue
    try {
      await run()
    } catch (error) {
      return fail(title, error, say) !== undefined
    }
  }
  say(`${isDryRun ? 'Would' : '·'} try it as a client does (npm run smoke)`)
  if (isDryRun) return true
  const where = url ?? address()
  if (where === undefined) {
    say('It is deployed. wrangler did not say where it answers, so nothing was tried: npm run smoke -- https://…')
    return true
  }
  if (await smoke(where)) return true
  say(
    'It is deployed, but does not work as it should. docs/deploy.md, "Back to the version before", says how to go back.',
  )
  return false
}

/** Says what failed, in wrangler's words too, and what to do about it. */
function fail(title: string, error: unknown, say: (line: string) => void): undefined {
  say(`FAILED to ${title}`)
  // Without the colours, which a log of CI would show as they are written.
  const words = stripVTControlCharacters(error instanceof WranglerFailure ? error.output : (error as Error).message)
  say(words.trim())
  for (const line of adviceFor(words)) say(`→ ${line}`)
  say('What was done before stays. Run this again when that is mended: it goes on where it stopped.')
  return undefined
}
