import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildWorker } from '../scripts/bundle/build.ts'
import { applyMigrations } from '../scripts/local-server.ts'
import { processesOf } from './process-group.ts'

const CORES = { server: 0, load: 1 }

/** Servers on one core, the load on another: only so do they not take each other's time. */
export const isPinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

export type Started = { child: ChildProcess; line: string }
type Options = { core?: keyof typeof CORES; nodeArgs?: string[]; env?: Record<string, string> }

/** A script as the leader of a process group, which is what is pinned and measured, and the line that it prints when it is ready. */
export async function start(
  script: string,
  args: string[] = [],
  { core = 'server', nodeArgs = [], env }: Options = {},
): Promise<Started> {
  const child = spawn(process.execPath, ['--no-warnings', ...nodeArgs, script, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const failed = once(child, 'exit').then(([code]) =>
    Promise.reject(new Error(`${basename(script)} ended with ${code}`)),
  )
  const [line] = await Promise.race([once(createInterface({ input: child.stdout! }), 'line'), failed])
  failed.catch(() => {})
  // As late as this: processes that start later are none.
  pinGroup(child.pid!, core)
  return { child, line }
}

/** The built Worker in workerd, with a database of its own in `folder`. `prepare` gets the folder of its state before it starts. */
export async function startParleyServer(
  folder: string,
  vars: Record<string, string>,
  prepare: (state: string) => Promise<void> = async () => {},
): Promise<Started> {
  const [built, state] = [join(folder, 'built'), join(folder, 'state')]
  await buildWorker('src/index.ts', built)
  await applyMigrations(state)
  await prepare(state)
  return start(join(import.meta.dirname, 'parley-server.ts'), [built, state, JSON.stringify(vars)])
}

/** What a script on the core of the load prints, given `input` as a line of JSON. @throws Error when it fails */
export async function runLoad<T>(script: string, input: object): Promise<T> {
  const node = [process.execPath, '--no-warnings', script]
  const [command, ...args] = isPinned ? ['taskset', '-c', String(CORES.load), ...node] : node
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout!.setEncoding('utf8').on('data', (text) => (output += text))
  child.stdin!.write(`${JSON.stringify(input)}\n`)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${basename(script)} ended with ${code}`)
  return JSON.parse(output)
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  await ended
}

/** What started a workerd only takes what it logs, which is no part of a Worker: it stands beside the load, the Worker alone on its core. */
export function leaveAlone({ child }: Started): void {
  if (isPinned) pin(child.pid!, 'load')
}

function pinGroup(group: number, core: keyof typeof CORES): void {
  if (!isPinned) return
  for (const { pid } of processesOf(group)) pin(pid, core)
}

const pin = (pid: number, core: keyof typeof CORES) =>
  spawnSync('taskset', ['-a', '-p', '-c', String(CORES[core]), String(pid)])
