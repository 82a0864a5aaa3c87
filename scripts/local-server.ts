import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { ensureDevVars, type Vars } from './dev-vars.ts'

const ROOT = resolve(import.meta.dirname, '..')
// Vitest's global setup has no `import.meta.resolve`.
const WRANGLER = createRequire(import.meta.url).resolve('wrangler')
const PRELOAD = pathToFileURL(join(import.meta.dirname, 'wrangler-preload.ts')).href
const MIGRATIONS = join(ROOT, 'migrations')
/** Where wrangler keeps what is local, unless it is told. */
const WRANGLER_STATE = join(ROOT, '.wrangler/state')
const START_MS = 60_000
const STOP_MS = 5_000
const OUTPUT_LINES = 40

/** A running `wrangler dev` with its own state. */
export type LocalServer = {
  url: string
  pid: number
  /** The last lines that it printed. */
  output(): string
  /** Ends it in good order; what is left of it after 5 s is killed. */
  stop(): Promise<void>
  /** A power cut: SIGKILL to wrangler and workerd at once. The promise is fulfilled when they are gone. */
  kill(): Promise<void>
}

type StartOptions = {
  port?: number
  /** Folder of its state; a server that is started on it again finds everything there. */
  persistTo: string
  /** Its database is up to date already. */
  isMigrated?: boolean
  vars?: Vars
  /** Further arguments of `wrangler dev`. */
  args?: string[]
  onLine?: (line: string) => void
  /** Ends the server, also one that has not started yet. */
  signal?: AbortSignal
}

/**
 * Starts Parley on loopback with its state in `persistTo` and gives it once `/health` answers. It sees only `vars` and
 * secrets that are kept in `persistTo`, never the developer's `.dev.vars`, so that a test costs nobody money.
 * @throws Error with the last lines of the output, when it does not start within 60 s
 */
export async function startServer({
  port,
  persistTo,
  isMigrated = false,
  vars,
  args = [],
  onLine,
  signal,
}: StartOptions): Promise<LocalServer> {
  const chosen = port ?? (await freePort())
  if (!(await becomesFree(chosen))) throw new Error(`Port ${chosen} is taken`)
  mkdirSync(persistTo, { recursive: true })
  const secrets = join(resolve(persistTo), '.dev.vars')
  ensureDevVars(secrets)
  if (!isMigrated) await applyMigrations(persistTo, signal)

  const child = spawnWrangler(devArgs(chosen, persistTo, [...args, '--env-file', secrets]), {
    vars,
    stdio: 'pipe',
    signal,
  })
  const lines: string[] = []
  const keep = (line: string) => {
    lines.splice(0, lines.length - OUTPUT_LINES + 1)
    lines.push(line)
    onLine?.(line)
  }
  createInterface({ input: child.stdout! }).on('line', keep)
  createInterface({ input: child.stderr! }).on('line', keep)

  const url = `http://127.0.0.1:${chosen}`
  const output = () => lines.join('\n')
  if (!(await becomesHealthy(url, child, START_MS))) {
    await killGroup(child)
    throw new Error(`The server did not start. Its last lines:\n${output()}`)
  }
  return { url, pid: child.pid!, output, stop: () => stopGroup(child), kill: () => killGroup(child) }
}

/** Below those that systems give to whoever connects (RFC 6335 6, Linux from 32768): nobody takes one until it is listened on. */
const PORTS = [12_000, 32_000] as const

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS)
    if (await isPortFree(port)) return port
  }
}

/** False when something listens on that port of loopback. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer()
    probe.once('error', () => done(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)))
  })
}

/** The arguments of `wrangler dev`; options in `extra` win over the usual ones. */
export function devArgs(port: number, persistTo: string | undefined, extra: string[]): string[] {
  const given = (name: string) => extra.some((arg) => arg === name || arg.startsWith(`${name}=`))
  return [
    'dev',
    `--port=${port}`,
    '--show-interactive-dev-session=false',
    // Bundled once more, the Worker gets what reads the rest of a request that was refused, as the platform does: a client that still
    // sends would otherwise find its connection cut, and no answer.
    '--bundle',
    ...(given('--ip') ? [] : ['--ip=127.0.0.1']),
    // 0 lets the system choose, so that servers run side by side.
    ...(given('--inspector-port') ? [] : ['--inspector-port=0']),
    ...(persistTo === undefined ? [] : [`--persist-to=${resolve(persistTo)}`]),
    ...extra,
  ]
}

/**
 * Runs wrangler as the leader of a process group, which ends with this process at the latest. `vars` become variables
 * of the Worker and do not show in the process list.
 */
export function spawnWrangler(
  args: string[],
  { vars = {}, stdio, signal }: { vars?: Vars; stdio: 'inherit' | 'pipe'; signal?: AbortSignal },
): ChildProcess {
  const preload = ['--import', PRELOAD]
  const child = spawn(process.execPath, ['--no-warnings', ...preload, WRANGLER, ...args], {
    cwd: ROOT,
    // A group of its own, so that one signal reaches workerd too.
    detached: process.platform !== 'win32',
    // Nothing is written to stdin: its end tells the child that this process is gone.
    stdio: ['pipe', stdio, stdio],
    signal,
    env: {
      // No look-ups on the internet: neither a newer wrangler nor the place of the machine matters here.
      WRANGLER_HIDE_BANNER: 'true',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      // It records each call, query and frame, which takes more than half of the time of a busy server.
      X_LOCAL_OBSERVABILITY: 'false',
      ...process.env,
      // The build command of wrangler.toml needs this very node, also outside `npm run`.
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
      WRANGLER_SEND_METRICS: 'false',
      PARLEY_VARS: JSON.stringify(vars),
    },
  })
  // An abort is reported here; the exit that follows says enough.
  child.on('error', () => {})
  // When only wrangler died, workerd is still there.
  child.once('exit', () => signalGroup(child, 'SIGKILL'))
  return child
}

/** Runs wrangler to its end. `output` is all that it printed, `stdout` what it answered. */
export async function runWrangler(
  args: string[],
  signal?: AbortSignal,
): Promise<{ ok: boolean; stdout: string; output: string }> {
  const child = spawnWrangler(args, { stdio: 'pipe', signal })
  let stdout = ''
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  child.stdout!.on('data', (text) => (stdout += text))
  const code = await new Promise((done) => child.once('close', done))
  return { ok: code === 0, stdout, output }
}

/** As wrangler makes it, which asks it what is still to be applied. */
const MIGRATIONS_TABLE = `CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);`

/**
 * Brings the local database up to date. Where there is none yet it gets all migrations at once: one after the other they take wrangler a
 * second each.
 * @throws Error with wrangler's output
 */
export async function applyMigrations(persistTo = WRANGLER_STATE, signal?: AbortSignal): Promise<void> {
  const place = ['DB', '--local', `--persist-to=${resolve(persistTo)}`]
  if (existsSync(join(persistTo, 'v3', 'd1'))) return migrate(['migrations', 'apply', ...place], signal)
  const folder = mkdtempSync(join(tmpdir(), 'parley-migrations-'))
  try {
    const all = join(folder, 'all.sql')
    writeFileSync(all, [MIGRATIONS_TABLE, ...readMigrations()].join('\n'))
    await migrate(['execute', ...place, '--yes', `--file=${all}`], signal)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function migrate(args: string[], signal: AbortSignal | undefined): Promise<void> {
  const { ok, output } = await runWrangler(['d1', ...args], signal)
  if (!ok) throw new Error(`The migrations could not be applied:\n${output.trim()}`)
}

/** The statements of each, and that it is applied. */
const readMigrations = () =>
  migrationNames().map(
    (name) => `${readFileSync(join(MIGRATIONS, name), 'utf8')}\nINSERT INTO d1_migrations (name) VALUES ('${name}');`,
  )

/** In the order in which they are applied. */
export const migrationNames = (): string[] =>
  readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()

/** True once `/health` answers; false when the server ends or `deadlineMs` is over. */
export async function becomesHealthy(url: string, child: ChildProcess, deadlineMs: number): Promise<boolean> {
  for (const end = Date.now() + deadlineMs; Date.now() < end; await sleep(100)) {
    if (hasEnded(child)) return false
    const healthy = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) })
      .then((response) => response.text().then(() => response.ok))
      .catch(() => false)
    if (healthy) return !hasEnded(child)
  }
  return false
}

/** Asks wrangler to end; what is left of its group after 5 s is killed. */
export async function stopGroup(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const ended = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })])
  await killGroup(child)
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const ended = new Promise((done) => child.once('exit', done))
  signalGroup(child, 'SIGKILL')
  await ended
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal)
  } catch {
    // Nothing is left of the group.
  }
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/** After a SIGKILL the system needs a moment to take the port back. */
async function becomesFree(port: number): Promise<boolean> {
  for (const end = Date.now() + STOP_MS; Date.now() < end; await sleep(50)) if (await isPortFree(port)) return true
  return false
}
