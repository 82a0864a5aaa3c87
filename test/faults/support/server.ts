import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { inject } from 'vitest'
import { processesOf } from '../../../bench/process-group.ts'
import { freePort, isPortFree } from '../../../scripts/local-server.ts'

const START_MS = 60_000
const FREE_MS = 5_000

export type Server = Awaited<ReturnType<typeof startServer>>

type Options = {
  /** Folder of its state, with a database that is up to date. */
  state: string
  vars?: Record<string, string>
  /** Its bindings can be made to fail (faults.ts). */
  canFail?: true
}

/** No limit holds the load back, and what a recovery waits for is short. */
const VARS = {
  PASSWORD_COST: '4',
  UPGRADE_POLICY: 'open',
  REGISTER_ADDRESS_LIMIT: '1000000',
  AUTH_RATE_LIMIT: '1000000',
  API_RATE_LIMIT: '1000000',
  CHANNEL_SEND_LIMIT: '1000000',
  SOCKET_FRAME_LIMIT: '1000000',
  ALARM_MS: '1000',
  RUN_LEASE_MS: '3000',
  CHECKPOINT_MS: '500',
  SOCKET_TICK_MS: '2000',
}

/** The built Worker in processes of its own, on a port that stays the same. Its secrets stay as well, so that nobody is signed out. */
export async function startServer({ state, vars, canFail }: Options) {
  const port = await freePort()
  const all = { JWT_SECRET: randomBytes(32).toString('base64url'), ...VARS, ...vars }
  const args = [inject('builtWorker'), state, String(port), JSON.stringify(all), ...(canFail ? ['failing'] : [])]
  let running = await startProcess(args)

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    state,
    /** What the platform does each minute, as if it were `inMs` later. */
    async cron(inMs = 0): Promise<void> {
      const response = await fetch(`${running.operator}/cron?time=${Date.now() + inMs}`, { method: 'POST' })
      if (!response.ok) throw new Error(`The cron answered ${response.status}`)
    },
    /** A power cut: SIGKILL to all its processes at once. Resolves when they are gone. */
    async kill(): Promise<void> {
      const { child } = running
      const ended = once(child, 'exit')
      process.kill(-child.pid!, 'SIGKILL')
      await ended
      for (const end = Date.now() + FREE_MS; Date.now() < end && !(await isPortFree(port)); ) await sleep(20)
    },
    /** After a kill: a new one on the same state and port. */
    async restart(): Promise<void> {
      running = await startProcess(args)
    },
    async stop(): Promise<void> {
      const { child } = running
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
    /** The process id of workerd, which does the work. */
    workerd(): number {
      return processesOf(running.child.pid!).find(({ name }) => name === 'workerd')!.pid
    },
  }
}

async function startProcess(args: string[]): Promise<{ child: ChildProcess; operator: string }> {
  const script = join(import.meta.dirname, 'server-process.ts')
  const child = spawn(process.execPath, ['--no-warnings', script, ...args], {
    // A group of its own, so that one signal reaches workerd too.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The server ended with ${code}`)))
  // What does not start ends.
  const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), START_MS)
  try {
    const [operator] = await Promise.race([once(createInterface({ input: child.stdout! }), 'line'), failed])
    failed.catch(() => {})
    return { child, operator }
  } finally {
    clearTimeout(late)
  }
}
