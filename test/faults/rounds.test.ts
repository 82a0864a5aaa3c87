import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startCuttableProxy } from '../support/cuttable-proxy.ts'
import { startFakeOpenAi } from '../support/fake-openai.ts'
import { newState } from '../support/migrated-state.ts'
import { seeded } from '../support/seeded.ts'
import { brokenFiles } from './acts/files.ts'
import { Book } from './support/book.ts'
import { gatherCrew } from './support/crew.ts'
import { inForm } from './support/form.ts'
import { repeats } from './support/insist.ts'
import { killRound } from './support/round.ts'
import { startServer } from './support/server.ts'
import { writeD1 } from './support/state.ts'

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? inForm(3, 20))
const SEED = Number(process.env.FAULT_SEED ?? inForm(1, Math.floor(Math.random() * 1e6)))
const CREW = 6

test(`killed ${ROUNDS} times at any moment, the server has what it acknowledged, and nothing is stuck`, {
  timeout: 3_600_000,
}, async () => {
  console.log(`FAULT_SEED=${SEED} repeats it`)
  const state = newState()
  writeD1(state, 'UPDATE plans SET requests_per_minute = 1000000, runs_at_once = 1000, messages_per_month = 1000000')
  const upstream = await startFakeOpenAi()
  const server = await startServer({ state, vars: { OPENAI_BASE_URL: upstream.url } })
  const network = await startCuttableProxy(server.port)
  const book = new Book()
  const crew = await gatherCrew({ url: network.url, size: CREW, seed: SEED, book, upstream })
  const random = seeded(SEED)
  const breaches: string[] = []
  try {
    for (let nth = 1; nth <= ROUNDS; nth++) {
      const round = await killRound({ server, network, crew, book, random })
      const { acts, kills, cuts, killedMs, settledMs } = round
      console.log(
        `round ${nth}: ${round.breaches.length === 0 ? 'clean' : 'NOT CLEAN'}; killed after ${killedMs} ms${kills > 1 ? ', and again' : ''}; ` +
          `${acts} acts, ${cuts} cuts, ${repeats.count} requests repeated; settled in ${settledMs} ms; ${book.size} things acknowledged`,
      )
      repeats.count = 0
      breaches.push(...round.breaches.map((breach) => `round ${nth}: ${breach}`))
      if (breaches.length > 0) break
    }
    for (const actor of crew) breaches.push(...(await brokenFiles(actor)))
    expect(breaches).toEqual([])
  } finally {
    for (const { listener } of crew) listener.client.close()
    await network.close()
    await server.stop()
    await upstream.close()
    rmSync(state, { recursive: true, force: true })
  }
})
