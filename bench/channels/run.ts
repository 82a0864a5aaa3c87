import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { isPinned } from '../processes.ts'
import { bounds, environment, line, type Results, slowTable, table } from './report.ts'
import { type Peer, startParley, startPeer, type What } from './servers.ts'
import type { PeerName } from './wires.ts'

// npm run bench:channels: one channel with many receivers, beside plain `ws` and Socket.IO in the same run (README.md).
const IN_FLIGHT = 32
const SENDERS = 8
const QUIET_PER_SECOND = 50
const SLOW_SHARE = 0.01
const SETTLE_MS = 300

const { values: given } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    peers: { type: 'string', default: 'ws,socket.io,parley' },
    receivers: { type: 'string', default: '1000,100' },
    bytes: { type: 'string', default: '100' },
    'quiet-receivers': { type: 'string', default: '200' },
    'slow-seconds': { type: 'string', default: '40' },
    'slow-rate': { type: 'string', default: '20' },
    'slow-runs': { type: 'string', default: '1' },
  },
})
const names = given.peers.split(',') as PeerName[]
const sizes = given.receivers.split(',').map(Number)
const largest = Math.max(...sizes)
const usual = { senders: SENDERS, bytes: Number(given.bytes), seconds: Number(given.seconds) }

const closed = sizes.map((receivers) => ({
  title: `${receivers.toLocaleString('en')} receivers, ${IN_FLIGHT} in flight`,
  what: { ...usual, receivers, pace: { inFlight: IN_FLIGHT } },
  results: new Map() as Results,
}))
const quietReceivers = Number(given['quiet-receivers'])
const quiet = {
  title: `${quietReceivers} receivers, ${QUIET_PER_SECOND} messages/s`,
  what: { ...usual, receivers: quietReceivers, pace: { perSecond: QUIET_PER_SECOND } },
  results: new Map() as Results,
}
const readers = Math.ceil(largest * SLOW_SHARE)
const slowSeconds = Number(given['slow-seconds'])
const slowRuns = slowSeconds > 0 ? Number(given['slow-runs']) : 0
const slow = {
  title: `${readers} of ${largest.toLocaleString('en')} read nothing for ${slowSeconds} s, ${given['slow-rate']} messages/s`,
  what: {
    ...usual,
    receivers: largest,
    // As long without them as with them: a p99 of few messages is chance.
    seconds: slowSeconds,
    pace: { perSecond: Number(given['slow-rate']) },
    paused: { readers, seconds: slowSeconds },
  },
}

const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
const peers: Peer[] = []
try {
  console.log(environment(isPinned))
  for (const name of names) {
    const peer = name === 'parley' ? await parley() : await startPeer(name)
    peers.push(peer)
    console.log(`${name} stores ${peer.stores}`)
  }
  const measures = quietReceivers > 0 ? [...closed, quiet] : closed
  for (let run = 1; run <= Number(given.runs); run++) {
    for (const { title, what, results } of measures) {
      console.log(`\nRun ${run} of ${given.runs}, ${title}`)
      for (const peer of peers) await take(peer, what, results)
    }
  }
  const slowly: Results = new Map()
  for (let run = 1; run <= slowRuns; run++) {
    console.log(`\nRun ${run} of ${slowRuns}, ${slow.title}`)
    for (const peer of peers) await take(peer, slow.what, slowly)
  }

  for (const { title, results } of measures) console.log(`\n${table(title, results)}`)
  if (slowly.size > 0) console.log(`\n${slowTable(slow.title, slowly)}`)
  const most = closed.find(({ what }) => what.receivers === largest)!
  if (names.includes('parley')) console.log(`\n${bounds({ closed: most.results, quiet: quiet.results, slow: slowly })}`)
} finally {
  for (const peer of peers) await peer.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

function parley(): Promise<Peer> {
  return startParley(
    folder,
    [...sizes, quietReceivers].filter((size) => size > 0),
  )
}

async function take(peer: Peer, what: What, results: Results): Promise<void> {
  const measured = await peer.load(what)
  console.log(line(peer.name, measured))
  results.set(peer.name, [...(results.get(peer.name) ?? []), measured])
  await sleep(SETTLE_MS)
}
