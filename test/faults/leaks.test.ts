import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CuttableProxy } from '../support/cuttable-proxy.ts'
import { type FakeOpenAi, startFakeOpenAi } from '../support/fake-openai.ts'
import { newState } from '../support/migrated-state.ts'
import { abandonSocket, abandonStream } from './support/abandon.ts'
import { Book } from './support/book.ts'
import { type Actor, gatherCrew } from './support/crew.ts'
import { inForm } from './support/form.ts'
import { type Holdings, holdingsOf, holdingsWhen } from './support/handles.ts'
import { brokenAlways, unsettled } from './support/invariants.ts'
import { type Server, startServer } from './support/server.ts'
import { withD1, writeD1 } from './support/state.ts'

const ABANDONED = inForm(100, 500)
const AT_ONCE = 20
const CREW = inForm(10, 25)
/** An object of a local server goes after ten idle seconds. */
const QUIET_MS = 40_000
const MORE_SOCKETS = 3
const MORE_HANDLES = 10
/** Of memory, once as much was done before, and before that: caches are full by then. In the short form they are not. */
const MORE_MEMORY = inForm(Number.POSITIVE_INFINITY, 0.15)
const WARM_UPS = inForm(0, 1)

let upstream: FakeOpenAi
let server: Server
let crew: Actor[]

beforeAll(async () => {
  const state = newState()
  writeD1(state, 'UPDATE plans SET requests_per_minute = 1000000, runs_at_once = 1000, messages_per_month = 1000000')
  upstream = await startFakeOpenAi()
  const vars = {
    OPENAI_BASE_URL: upstream.url,
    GATEWAY_DETACH_MS: '500',
    HEARTBEAT_MS: '500',
    WATCHER_STALL_MS: '2000',
    SOCKETS_PER_USER: '1000',
  }
  server = await startServer({ state, vars })
  crew = await gatherCrew({ url: server.url, size: CREW, seed: 1, book: new Book(), upstream })
  for (const { listener } of crew) listener.client.close()
})

afterAll(async () => {
  await server.stop()
  await upstream.close()
  rmSync(server.state, { recursive: true, force: true })
})

/** Does it so many times, a few at once, each by the next of the crew; then the networks of those that nobody was told of end. */
async function abandon(times: number, one: (actor: Actor) => Promise<CuttableProxy>): Promise<void> {
  const networks: CuttableProxy[] = []
  let nth = 0
  const worker = async () => {
    while (nth < times) networks.push(await one(crew[nth++ % CREW]!))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  // So long the server does not know better.
  await sleep(6_000)
  await Promise.all(networks.map((network) => network.close()))
}

/** What it holds of handles is what it held before, and of memory about that. */
async function leavesNothing(one: (actor: Actor) => Promise<CuttableProxy>): Promise<void> {
  const pid = server.workerd()
  const idle = holdingsOf(pid)
  const isAsBefore =
    (before: Holdings) =>
    ({ sockets, handles }: Holdings) =>
      sockets <= before.sockets + MORE_SOCKETS && handles <= before.handles + MORE_HANDLES
  let base = idle
  let after = idle
  for (let times = 0; times <= WARM_UPS; times++) {
    base = after
    await abandon(ABANDONED, one)
    after = await holdingsWhen(pid, QUIET_MS, isAsBefore(idle))
    console.log(`before ${JSON.stringify(base)}, after ${ABANDONED} more ${JSON.stringify(after)}`)
  }
  expect(after.sockets).toBeLessThanOrEqual(idle.sockets + MORE_SOCKETS)
  expect(after.handles).toBeLessThanOrEqual(idle.handles + MORE_HANDLES)
  expect(after.megabytes).toBeLessThanOrEqual(base.megabytes * (1 + MORE_MEMORY))
  expect(withD1(server.state, (db) => [...brokenAlways(db), ...unsettled(db)])).toEqual([])
}

/** What a process holds, Linux alone tells. */
const onLinux = test.skipIf(process.platform !== 'linux')

onLinux(`${ABANDONED} streams that are left in the middle leave nothing behind`, { timeout: 1_200_000 }, async () => {
  for (const actor of crew) {
    for (let n = 0; n < 3; n++)
      actor.conversations.push((await actor.api.ask('/api/v1/conversations', { json: {} })).body.id)
  }
  await leavesNothing((actor) => abandonStream(actor, upstream, server.port))
})

onLinux(`${ABANDONED} sockets that are left open leave nothing behind`, { timeout: 1_200_000 }, () =>
  leavesNothing((actor) => abandonSocket(actor, server.port)),
)
