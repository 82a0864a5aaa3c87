import fc from 'fast-check'
import { afterAll, inject, test } from 'vitest'
import { type Document, operationsOf } from '../support/contract.ts'
import { type Case, kindsOf } from './cases.ts'
import { judgeFor } from './judge.ts'
import { play } from './play.ts'
import { sceneOf } from './scenes.ts'
import { World } from './world.ts'

// docs/testing.md says what these variables do.
const { CI, CONTRACT_SEED, CONTRACT_CASES, CONTRACT_MINUTES } = process.env
const SEED = Number(CONTRACT_SEED ?? (CI ? 1 : Date.now() % 2 ** 31))
const CASES = Number(CONTRACT_CASES ?? 15)
/** After so many cases people begin anew: nobody has more of anything than somebody may have. */
const CASES_OF_A_WORLD = 20
/** Of so many at least one is valid. */
const MANY = Math.min(20, CASES)

const document = (await (await fetch(`${inject('contractUrl')}/openapi.json`)).json()) as Document
const operations = operationsOf(document)
const judge = judgeFor(document)
const isTimed = CONTRACT_MINUTES !== undefined
const limitMs = isTimed ? (Number(CONTRACT_MINUTES) * 60_000) / operations.length : 60_000 + CASES * 1_000

const counts = new Map<string, number>()

test.for(operations.map((found) => [found.operation.operationId, found] as const))(
  '%s',
  // What is found when the time is up is made small no further, and told.
  { timeout: limitMs + 60_000 },
  async ([name, found]) => {
    const scene = sceneOf(name, found.template)
    let world: World | undefined
    let played = 0
    let accepted = 0
    const ask = async (one: Case) => {
      if (played++ % CASES_OF_A_WORLD === 0) world = await World.create(judge)
      const { status } = await play({ document, found, scene, world: world! }, one)
      if (one.kind === 'valid') accepted += 1
      counts.set(`${one.kind} ${status}`, (counts.get(`${one.kind} ${status}`) ?? 0) + 1)
    }
    const check = (arbitrary: fc.Arbitrary<Case>, numRuns: number) =>
      fc.assert(fc.asyncProperty(arbitrary, ask), {
        seed: SEED,
        numRuns,
        interruptAfterTimeLimit: limitMs,
        markInterruptAsFailure: !isTimed,
        includeErrorInReport: true,
      })
    // Each kind once, or a rare one might not be among a few.
    const kinds = kindsOf(document, found, scene)
    for (const { arbitrary } of kinds) await check(arbitrary, 1)
    await check(fc.oneof(...kinds), isTimed ? Number.MAX_SAFE_INTEGER : Math.max(1, CASES - kinds.length))
    if (played >= MANY && accepted === 0) throw new Error('No valid request was accepted: nothing was tested')
  },
)

afterAll(() => {
  const lines = [...counts].sort().map(([kind, count]) => `${kind}: ${count}`)
  console.log(`Seed ${SEED}. Cases by kind and status: ${lines.join(', ')}`)
})
