import { setTimeout as sleep } from 'node:timers/promises'
import type { CuttableProxy } from '../../support/cuttable-proxy.ts'
import { anyAct } from '../acts/index.ts'
import type { Book } from './book.ts'
import type { Actor } from './crew.ts'
import { Breach } from './insist.ts'
import { brokenAlways, unsettled, unswept } from './invariants.ts'
import type { Server } from './server.ts'
import { damage, objectKeys, unsettledInObjects, withCopy, withD1 } from './state.ts'

/** Whatever a kill left is at its end after so long. */
const SETTLE_MS = 60_000
const CRON_EVERY_MS = 1_000
const CHECK_EVERY_MS = 6_000
const DAY_MS = 86_400_000
const LOOK_EVERY_MS = 600_000

type World = { server: Server; network: CuttableProxy; crew: Actor[]; book: Book; random: () => number }
export type Round = {
  breaches: string[]
  acts: number
  killedMs: number
  kills: number
  cuts: number
  settledMs: number
}

/** People at work, a power cut, a new start on what is left; then everything is looked at. */
export async function killRound({ server, network, crew, book, random }: World): Promise<Round> {
  const breaches: string[] = []
  const stopped = { acts: 0, isOver: false }
  const doing: Doing = new Map()
  for (const actor of crew) void work(actor, doing, stopped, breaches)
  const hasCuts = random() < 0.5
  const cuts = hasCuts ? cutSome(network, random, stopped) : Promise.resolve(0)
  const killedMs = 800 + Math.floor(random() * 4_000)
  await sleep(killedMs)
  stopped.isOver = true
  await server.kill()
  breaches.push(...afterKill(server.state, book))
  await server.restart()
  const again = random() < 0.25
  if (again) {
    await sleep(random() * 1_500)
    await server.kill()
    breaches.push(...afterKill(server.state, book))
    await server.restart()
  }
  const startedAt = performance.now()
  const left = await settle(server, crew, doing)
  const settledMs = Math.round(performance.now() - startedAt)
  await sweep(server)
  breaches.push(...left, ...afterSettling(server.state, crew, book))
  return { breaches, acts: stopped.acts, killedMs, kills: again ? 2 : 1, cuts: await cuts, settledMs }
}

/** What each is at; who is done is not there. */
type Doing = Map<Actor, string>

async function work(
  actor: Actor,
  doing: Doing,
  stopped: { acts: number; isOver: boolean },
  breaches: string[],
): Promise<void> {
  while (!stopped.isOver) {
    const act = anyAct(actor)
    doing.set(actor, act.name)
    await act(actor).catch((error) => {
      const isOurs = error instanceof Breach
      breaches.push(`${act.name}: ${isOurs ? error.message : error.stack}`)
    })
    stopped.acts++
  }
  doing.delete(actor)
}

/** Tears connections down, lets them be there and carry nothing, or makes them slow. */
async function cutSome(
  { connections }: CuttableProxy,
  random: () => number,
  stopped: { isOver: boolean },
): Promise<number> {
  let cuts = 0
  for (; !stopped.isOver; await sleep(100 + random() * 400)) {
    const open = connections()
    const one = open[Math.floor(random() * open.length)]
    if (!one) continue
    const how = random()
    if (how < 0.5) one.destroy()
    else if (how < 0.75) one.blackhole()
    else one.delay(50 + random() * 300)
    cuts++
  }
  return cuts
}

/** What holds in the very moment after a kill, before anything is mended. */
export function afterKill(state: string, book: Book): string[] {
  const told = book.copy()
  return withCopy(state, (copy) => [
    ...damage(copy),
    ...withD1(copy, (db) => [...brokenAlways(db), ...told.breaches(db)]),
  ]).map((breach) => `after the kill, ${breach}`)
}

/** Waits until everybody has done what they were doing, and everything has ended. Gives what has not. */
export async function settle(server: Server, crew: Actor[], doing: Doing): Promise<string[]> {
  const left = () =>
    withD1(server.state, (db) => [
      ...[...doing.values()].map((act) => `somebody still waits in ${act}`),
      ...unsettled(db),
      ...(crew.every(({ listener }) => listener.isUpToDate(db)) ? [] : ['a listener is behind']),
    ])
  let cronAt = 0
  let checkAt = 0
  for (const end = Date.now() + SETTLE_MS; Date.now() < end; await sleep(200)) {
    // As a browser does that hears that the network is there again: a half-open line is found by asking, and nobody waits longer.
    if (Date.now() >= checkAt) {
      for (const { listener } of crew) listener.client.check()
      checkAt = Date.now() + CHECK_EVERY_MS
    }
    if (Date.now() >= cronAt) {
      await server.cron()
      cronAt = Date.now() + CRON_EVERY_MS
    }
    if (left().length === 0) return []
  }
  return left().map((fault) => `stuck for ${SETTLE_MS / 1_000} s: ${fault}`)
}

/** The cron of in two days, at a minute at which it looks through all objects: what is left of uploads is too old by then. */
export const sweep = (server: Server): Promise<void> =>
  server.cron(Math.ceil((Date.now() + 2 * DAY_MS) / LOOK_EVERY_MS) * LOOK_EVERY_MS - Date.now())

/** What does not hold once everything has ended, and the sweeper was there. */
export function afterSettling(state: string, crew: Actor[], book: Book): string[] {
  const breaches = withD1(state, (db) => [
    ...brokenAlways(db),
    ...unsettled(db),
    ...unswept(db),
    ...book.breaches(db),
    ...crew.flatMap(({ listener }) => listener.breaches(db)),
  ])
  const rows = withD1(state, (db) =>
    db
      .prepare('SELECT object_key FROM files')
      .all()
      .map(({ object_key }) => String(object_key)),
  )
  const objects = objectKeys(state)
  for (const key of objects) if (!rows.includes(key)) breaches.push(`the object ${key} has no row`)
  for (const key of rows) if (!objects.includes(key)) breaches.push(`the row of ${key} has no object`)
  const late = unsettledInObjects(state)
  if (late > 0) breaches.push(`${late} runs are not settled in their objects`)
  return breaches
}
