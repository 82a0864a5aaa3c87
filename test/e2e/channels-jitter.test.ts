import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cutReceivers } from '../../bench/channels/cut-receivers.ts'
import { VARS } from '../../bench/channels/parley.ts'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { newState } from '../support/migrated-state.ts'

// Two client libraries and the reference client, behind a network that resets, goes silent and slow. `npm run bench:jitter` is the
// long form.
const folder = newState()
const start = (port?: number) => startServer({ port, persistTo: folder, isMigrated: true, vars: VARS })
let server: LocalServer

beforeAll(async () => {
  server = await start()
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const SENT = 240
const jitter = { receivers: 50, perSecond: 20, seconds: 12, cutsEach: 3, awayMs: [300, 1_500] as [number, number] }
const exactly = { lost: 0, repeated: 0, outOfOrder: 0, stuck: 0, notOnce: 0, resets: 0, acked: SENT, inHistory: SENT }

test('receivers that are cut again and again have exactly what was sent', { timeout: 240_000 }, async () => {
  const outcome = await cutReceivers({ ...jitter, url: server.url, seed: 1 })
  expect(outcome).toMatchObject(exactly)
  // Each of them, and two of the senders.
  const cuts = Object.values(outcome.cuts).reduce((sum, count) => sum + count)
  expect(cuts).toBeGreaterThan(jitter.receivers * 2)
})

test('the server is killed while messages flow: what it acknowledged is there once', { timeout: 300_000 }, async () => {
  const halfway = async () => {
    await server.kill()
    server = await start(Number(new URL(server.url).port))
  }
  expect(await cutReceivers({ ...jitter, url: server.url, seed: 2, halfway })).toMatchObject(exactly)
})
