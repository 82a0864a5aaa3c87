import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { cutReceivers, type Jitter, type Outcome } from './cut-receivers.ts'
import { VARS } from './parley.ts'

// npm run bench:jitter: 50 receivers behind a network that cuts each of them again and again, and a server that is killed
// (README.md). What they have in the end is compared with the history.
const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '25' },
    receivers: { type: 'string', default: '50' },
    cuts: { type: 'string', default: '5' },
    rates: { type: 'string', default: '20,60' },
    seed: { type: 'string', default: '1' },
    'without-kill': { type: 'boolean', default: false },
  },
})
const rates = given.rates.split(',').map(Number)

const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
const start = (port?: number) => startServer({ port, persistTo: folder, vars: VARS })
let server: LocalServer | undefined
try {
  server = await start()
  for (const perSecond of rates) show(`${perSecond} messages/s`, await cutReceivers(jitter(server.url, perSecond)))
  if (!given['without-kill']) {
    const killed = { ...jitter(server.url, rates[0]!), halfway: killAndRestart }
    show(`${rates[0]} messages/s, server killed and started again`, await cutReceivers(killed))
  }
} finally {
  await server?.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

function jitter(url: string, perSecond: number): Jitter {
  return {
    url,
    receivers: Number(given.receivers),
    perSecond,
    seconds: Number(given.seconds),
    cutsEach: Number(given.cuts),
    awayMs: [300, 3_000],
    seed: Number(given.seed),
  }
}

async function killAndRestart(): Promise<void> {
  const port = Number(new URL(server!.url).port)
  await server!.kill()
  server = await start(port)
}

function show(title: string, outcome: Outcome): void {
  const { sent, acked, inHistory, notOnce, lost, repeated, outOfOrder, stuck, cuts, closes, refusals } = outcome
  const deliveries = inHistory * Number(given.receivers)
  const isGood = lost + repeated + outOfOrder + notOnce + stuck === 0 && acked === sent && inHistory === sent
  if (!isGood) process.exitCode = 1
  console.log(`
${title}: ${isGood ? 'every receiver has the history' : 'NOT WHAT HISTORY SAYS'}
  messages       ${sent} sent, ${acked} acknowledged, ${inHistory} in history, ${notOnce} acknowledged and not there once
  deliveries     ${deliveries}: ${lost} missing, ${repeated} repeated, ${outOfOrder} out of order; ${stuck} clients stuck
  cuts           ${Object.entries(cuts)
    .map(([way, count]) => `${count} ${way}`)
    .join(', ')}
  ends           ${Object.entries(closes)
    .map(([code, count]) => `${code} × ${count}`)
    .join(', ')}
  on the wire    ${outcome.dropped} sent twice and dropped, ${outcome.syncs} gaps asked for, ${outcome.resets} resets
  senders        ${outcome.duplicateAcks} acknowledged as known, ${refusals.length} refused ${refusals[0] ?? ''}`)
}
