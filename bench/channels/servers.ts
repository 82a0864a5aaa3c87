import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { applyMigrations, runWrangler } from '../../scripts/local-server.ts'
import { processesOf } from '../process-group.ts'
import type { Load, Measured } from './load.ts'
import { type ChatUser, channelOf, registerUsers, renewTokens, ticketsOf } from './parley.ts'
import type { PeerName } from './wires.ts'

const SERVER_CORE = 0
const LOAD_CORE = 1
const here = (file: string) => join(import.meta.dirname, file)

/** Servers on one core, the load on another: only so do they not take each other's time. */
export const isPinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

export type What = Omit<Load, 'place' | 'serverPid' | 'tokens' | 'tickets'>

/** A server that takes loads. */
export type Peer = {
  name: PeerName
  stores: string
  load(what: What): Promise<Measured>
  stop(): Promise<void>
}

const SCRIPTS = {
  ws: { script: 'peers/ws-server.ts', args: [], stores: 'nothing' },
  'socket.io': { script: 'peers/socket-io-server.ts', args: [], stores: 'nothing' },
  'socket.io-recovery': { script: 'peers/socket-io-server.ts', args: ['recovery'], stores: 'two minutes in memory' },
}

export async function startPeer(name: Exclude<PeerName, 'parley'>): Promise<Peer> {
  const { script, args, stores } = SCRIPTS[name]
  const { child, line } = await start(script, args)
  return {
    name,
    stores,
    load: (what) => runLoad({ ...what, serverPid: child.pid!, place: { peer: name, url: `ws://127.0.0.1:${line}` } }),
    stop: () => end(child),
  }
}

/** Parley with one channel for each number of receivers, all of them users of their own. */
export async function startParley(folder: string, sizes: number[]): Promise<Peer> {
  const [built, state] = [join(folder, 'built'), join(folder, 'state')]
  const { ok, output } = await runWrangler(['deploy', '--dry-run', `--outdir=${built}`])
  if (!ok) throw new Error(`The Worker could not be built:\n${output}`)
  await applyMigrations(state)
  const { child, line: url } = await start('parley-server.ts', [built, state])
  try {
    const users = await registerUsers(url, Math.max(...sizes))
    const channels = new Map<number, string>()
    for (const size of new Set(sizes)) channels.set(size, await channelOf(url, users.slice(0, size)))
    return parleyPeer(child, url, users, channels)
  } catch (error) {
    await end(child)
    throw error
  }
}

function parleyPeer(child: ChildProcess, url: string, users: ChatUser[], channels: Map<number, string>): Peer {
  return {
    name: 'parley',
    stores: 'everything in D1, before it is acknowledged and delivered',
    async load(what) {
      await renewTokens(url, users)
      const channel = channels.get(what.receivers)!
      const nonces = crypto.randomUUID().slice(0, 8)
      const place = { peer: 'parley' as const, url: url.replace('http', 'ws'), channel, nonces }
      const joining = users.slice(0, what.receivers)
      const tickets = await ticketsOf(url, joining)
      return runLoad({ ...what, serverPid: child.pid!, place, tokens: users.map(({ token }) => token), tickets })
    },
    stop: () => end(child),
  }
}

/** A script as the leader of a process group, which is what is pinned and measured, and the line that it prints when it is ready. */
async function start(script: string, args: string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, ['--no-warnings', here(script), ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${script} ended with ${code}`)))
  const [line] = await Promise.race([once(createInterface({ input: child.stdout! }), 'line'), failed])
  failed.catch(() => {})
  // As late as this: processes that start later are none.
  pinGroup(child.pid!)
  return { child, line }
}

async function runLoad(load: Load): Promise<Measured> {
  const node = [process.execPath, '--no-warnings', here('load.ts')]
  const [command, ...args] = isPinned ? ['taskset', '-c', String(LOAD_CORE), ...node] : node
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout!.setEncoding('utf8').on('data', (text) => (output += text))
  child.stdin!.write(`${JSON.stringify(load)}\n`)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`The load of ${load.place.peer} ended with ${code}`)
  return JSON.parse(output)
}

function pinGroup(group: number): void {
  if (!isPinned) return
  for (const { pid } of processesOf(group)) spawnSync('taskset', ['-a', '-p', '-c', String(SERVER_CORE), String(pid)])
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  await ended
}
