import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Account } from './account.ts'
import { apiConfig, type Base, realtimeConfig, realtimeName, withConfig } from './configs.ts'
import { API_SECRETS, lacking, REALTIME_SECRETS, withSecrets } from './secrets.ts'
import { jsonIn, must, type Wrangler } from './wrangler.ts'

/** `title` goes on after "would". */
type Step = { title: string; run: () => Promise<void> }
type Tools = { wrangler: Wrangler; realtime: boolean; say: (line: string) => void }

/**
 * What is to be done, in an order in which nothing that runs breaks: the database is migrated first, as the version before runs on the
 * new schema too, and a class is bound by another Worker only where it is. `address` is where the API answers, once it is deployed.
 */
export function planOf(account: Account, base: Base, { wrangler, realtime, say }: Tools) {
  const steps: Step[] = []
  const isApart = realtime || account.realtimeSecrets !== undefined
  let address: string | undefined
  const step = (title: string, run: () => Promise<void>) => steps.push({ title, run })
  const call = (...args: string[]) => must(wrangler, args)
  const database = base.d1_databases[0].database_name

  const deployApi = (config: Base, secrets: string[], title: string) =>
    step(title, async () => {
      address = (await deployWorker(wrangler, config, secrets)) ?? address
    })

  if (!account.hasDatabase)
    step(`create the database ${database}`, async () => void (await call('d1', 'create', database)))
  else {
    step('note where the database is now, for a way back', async () => {
      const { bookmark } = jsonIn<{ bookmark: string }>(await call('d1', 'time-travel', 'info', 'DB', '--json'))
      say(`  npx wrangler d1 time-travel restore DB --bookmark=${bookmark}`)
    })
  }
  step('migrate the database', async () => void (await call('d1', 'migrations', 'apply', 'DB', '--remote')))

  const secrets = lacking(API_SECRETS, account.secrets)
  const unused = API_SECRETS.filter((name) => process.env[name] && !secrets.includes(name))
  if (unused.length > 0)
    say(
      `${unused.join(' and ')} of the environment is not used: ${base.name} has one, and keeps it (docs/operate.md says how to change it).`,
    )
  const isNew = account.secrets === undefined
  const what = `${isNew ? ', with the namespace and the bucket that it needs' : ''}${named(secrets)}`
  if (isApart && account.realtimeSecrets === undefined) {
    // The classes can only be moved from a Worker that has them.
    if (isNew) deployApi(base, secrets, `deploy ${base.name}${what}`)
    const own = lacking(REALTIME_SECRETS)
    step(`deploy ${realtimeName(base)}, which takes channels and sockets over${named(own)}`, async () => {
      await deployWorker(wrangler, realtimeConfig(base), own)
    })
    deployApi(apiConfig(base), isNew ? [] : secrets, `deploy ${base.name} beside it${isNew ? '' : named(secrets)}`)
  } else {
    if (realtime) {
      const own = lacking(REALTIME_SECRETS, account.realtimeSecrets)
      step(`deploy ${realtimeName(base)}: every socket is cut once${named(own)}`, async () => {
        await deployWorker(wrangler, realtimeConfig(base), own)
      })
    }
    deployApi(isApart ? apiConfig(base) : base, secrets, `deploy ${base.name}${what}`)
  }
  return { steps, address: () => address }
}

const named = (secrets: string[]) => {
  const made = secrets.filter((name) => !process.env[name])
  const given = secrets.filter((name) => process.env[name])
  return [
    made.length > 0 ? `, make ${made.join(' and ')} at random` : '',
    given.length > 0 ? `, take ${given.join(' and ')} from the environment` : '',
  ].join('')
}

/** Gives where it answers, as far as wrangler says. */
async function deployWorker(wrangler: Wrangler, config: Base, secrets: string[]): Promise<string | undefined> {
  const report = join(tmpdir(), `parley-deploy-${process.pid}.json`)
  process.env.WRANGLER_OUTPUT_FILE_PATH = report
  try {
    await withConfig(config, (file) =>
      withSecrets(secrets, async (more) => void (await must(wrangler, ['deploy', `--config=${file}`, ...more]))),
    )
    return addressIn(report)
  } finally {
    delete process.env.WRANGLER_OUTPUT_FILE_PATH
    rmSync(report, { force: true })
  }
}

/** Of a domain of its own sooner than of workers.dev. Each line of the report is an object of JSON. */
function addressIn(report: string): string | undefined {
  const lines = readIfThere(report).split('\n').filter(Boolean)
  const targets = lines.flatMap((line) => (JSON.parse(line) as { targets?: string[] }).targets ?? [])
  const domain = targets.find((target) => target.endsWith(' (custom domain)'))
  return domain ? `https://${domain.split(' ')[0]}` : targets.find((target) => target.startsWith('https://'))
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
