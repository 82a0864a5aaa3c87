import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { end, runLoad, start, startParleyServer } from '../processes.ts'
import type { Load, Measured } from './load.ts'
import { type ChatUser, channelOf, registerUsers, renewTokens, ticketsOf, VARS } from './parley.ts'
import type { PeerName } from './wires.ts'

const here = (file: string) => join(import.meta.dirname, file)

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
  const { child, line } = await start(here(script), args)
  return {
    name,
    stores,
    load: (what) => measure({ ...what, serverPid: child.pid!, place: { peer: name, url: `ws://127.0.0.1:${line}` } }),
    stop: () => end(child),
  }
}

/** Parley with one channel for each number of receivers, all of them users of their own. */
export async function startParley(folder: string, sizes: number[]): Promise<Peer> {
  const { child, line: url } = await startParleyServer(folder, VARS)
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
      return measure({ ...what, serverPid: child.pid!, place, tokens: users.map(({ token }) => token), tickets })
    },
    stop: () => end(child),
  }
}

const measure = (load: Load) => runLoad<Measured>(here('load.ts'), load)
