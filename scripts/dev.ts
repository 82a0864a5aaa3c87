import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { ensureDevVars, providerOfShell, readDevVars, type Vars } from './dev-vars.ts'
import { applyMigrations, becomesHealthy, devArgs, isPortFree, spawnWrangler, stopGroup } from './local-server.ts'
import { textOf } from './mail-folder.ts'
import { startMailSink } from './mail-sink.ts'

// npm run dev [-- --port N --persist-to DIR …]: the rest goes to `wrangler dev` as it is.
const args: string[] = process.argv.slice(2)
const port = Number(take('--port') ?? 8787)
const persistTo = take('--persist-to')
const url = `http://127.0.0.1:${port}`

/** Another file or environment, when asked for, is left to wrangler. */
const elsewhere = args.some((arg) => /^(--env-file|--env|-e)(=|$)/.test(arg))

let server: ChildProcess | undefined
let ending = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(signal))
// npm passes a SIGTERM only to the shell between it and this script, which is then an orphan.
if (process.env.npm_lifecycle_event === 'dev') endWith(process.ppid)
await main()

async function main(): Promise<void> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return fail('--port needs a number from 1 to 65535.')
  if (!(await isPortFree(port))) {
    return fail(`Port ${port} is taken: stop what listens there, or choose another one (npm run dev -- --port 8788).`)
  }
  if (ensureDevVars()) console.log('Made .dev.vars with fresh secrets.')
  const given = settings()
  try {
    await applyMigrations(persistTo)
  } catch (error) {
    return fail((error as Error).message)
  }
  const mail = await mailSettings(given)
  const vars = { ...given, ...mail.vars }
  // Its output comes through here, and should not become grey for that.
  if (process.stderr.isTTY && process.stdout.hasColors?.()) process.env.FORCE_COLOR ??= '1'
  server = spawnWrangler(devArgs(port, persistTo, args), { vars, stdio: 'pipe' })
  showWithoutModules(server.stdout!, process.stdout)
  showWithoutModules(server.stderr!, process.stderr)
  // All that it said is there by then.
  server.once('close', (code, signal) => ending || process.exit(code ?? codeOf(signal!)))
  if (!(await becomesHealthy(url, server, 60_000))) {
    if (server.exitCode !== null || server.signalCode !== null) return
    // Code that throws at start is reported by wrangler, which tries again when the file changes.
    console.error(`${url}/health does not answer yet. The lines above should say why.`)
    if (!(await becomesHealthy(url, server, Number.POSITIVE_INFINITY))) return
  }
  console.log(whatNext(vars, mail.place))
}

/** At each start and change wrangler draws a table of all modules that the Worker is made of. */
function showWithoutModules(from: Readable, to: NodeJS.WriteStream): void {
  let isInTable = false
  createInterface({ input: from }).on('line', (line) => {
    const text = stripVTControlCharacters(line)
    isInTable ||= text.startsWith('Attaching additional modules:')
    if (!isInTable) to.write(`${line}\n`)
    if (text.startsWith('└')) isInTable = false
  })
}

/** What suits development, then `.dev.vars`, then the shell, then `--var`. */
function settings(): Vars {
  const usual: Vars = elsewhere ? {} : { UPGRADE_POLICY: 'open', APP_URL: `${url}/app`, ...readDevVars() }
  const vars = { ...usual, ...providerOfShell(), ...takeVars() }
  if (!elsewhere && !vars.JWT_SECRET) {
    console.error(
      '.dev.vars has no JWT_SECRET: remove the file to have one made, or set one of 32 random bytes or more.',
    )
  }
  return vars
}

/** Unless mail was set up, it is shown here and kept in a folder: the settings for that, and where mails go. */
async function mailSettings(given: Vars): Promise<{ vars: Vars; place: string }> {
  if (elsewhere || given.RESEND_API_KEY || given.MAIL_FROM) return { vars: {}, place: 'sent as the settings say' }
  const folder = join(resolve(persistTo ?? join(import.meta.dirname, '../.wrangler')), 'mail')
  const { vars } = await startMailSink({ folder, onMail: (mail) => console.log(`\n${framed(textOf(mail))}\n`) })
  const fromHere = relative('', folder)
  return { vars, place: `shown here and kept in ${fromHere.startsWith('..') ? folder : fromHere}` }
}

function framed(text: string): string {
  const lines = text.trim().split('\n')
  return ['┌ Mail', ...lines.map((line) => `│ ${line}`.trimEnd()), '└'].join('\n')
}

/** Removes `--var NAME:value …` from the arguments: with the other variables they stay out of the process list. */
function takeVars(): Vars {
  const pairOf = (arg = '') => /^(?:--var=)?([A-Z][A-Z0-9_]*):(.*)$/s.exec(arg)
  const pairs = args.map(pairOf).filter((pair) => pair !== null)
  const rest = args.filter((arg, at) => !pairOf(arg) && !(arg === '--var' && pairOf(args[at + 1])))
  args.splice(0, args.length, ...rest)
  return Object.fromEntries(pairs.map(([, name, value]) => [name!, value!]))
}

function whatNext({ OPENAI_API_KEY, OPENAI_BASE_URL }: Vars, mailPlace: string): string {
  const model =
    OPENAI_API_KEY || OPENAI_BASE_URL
      ? `${OPENAI_BASE_URL || 'https://api.openai.com/v1'} (from OPENAI_API_KEY and OPENAI_BASE_URL)`
      : 'the built-in model parley-offline (set OPENAI_API_KEY for a real one)'
  return `
Parley runs at ${url}

  Replies from    ${model}
  Mails           ${mailPlace}
  Console         ${url}/app
  Documentation   ${url}/docs   ${url}/redoc
  First user      curl ${url}/api/v1/auth/register -H 'content-type: application/json' \\
                    -d '{"email":"ada@example.com","username":"ada","password":"correct-horse-battery"}'
  A reply that survives a lost connection: npm run demo
`
}

/** Removes an option (`--name value` or `--name=value`) from the arguments and gives its value. */
function take(name: string): string | undefined {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`))
  if (at < 0) return undefined
  if (args[at] !== name) return args.splice(at, 1)[0]!.slice(name.length + 1)
  return args.splice(at, 2)[1] ?? ''
}

/** Ends the whole tree; a second signal does so at once. */
async function end(signal: NodeJS.Signals): Promise<void> {
  if (server && !ending) {
    ending = true
    const closed = once(server, 'close')
    await stopGroup(server)
    await closed
  }
  process.exit(codeOf(signal))
}

function endWith(parent: number): void {
  setInterval(() => process.ppid === parent || end('SIGTERM'), 500).unref()
}

function fail(sentence: string): void {
  console.error(sentence)
  process.exitCode = 1
}

/** What a shell shows for a process that a signal ended. */
function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}
