import { workerdMegabytes } from '../uploads/process-memory.ts'
import { scenariosOf } from './scenarios.ts'
import { withServers } from './servers.ts'

// npm run bench:memory: what workerd holds in memory over 10,000 streamed replies. After the first 5,000 it has to stay what it is, but for a
// tenth: until then the SQLite of 200 Runners and that of D1 fill their caches.
const REPLIES = 10_000
const WARM_UP = 5_000
const MAX_GROWTH = 0.1
const CONCURRENCY = 16

await withServers(50, 0, async ({ parley, sides, take }) => {
  const { parley: ask } = scenariosOf(parley.place).find(({ name }) => name === 'stream')!
  let made = 0
  let before: number | undefined
  while (made < REPLIES) {
    const { times, faults } = await take({ ...sides.parley, ask, concurrency: CONCURRENCY, seconds: 15 })
    if (faults.count > 0) throw new Error(`A reply failed: ${faults.first}`)
    made += times.length
    const megabytes = workerdMegabytes(parley.child.pid!)
    console.log(`${made} replies: ${megabytes.toFixed(0)} MB`)
    if (made >= WARM_UP) before ??= megabytes
  }
  const growth = workerdMegabytes(parley.child.pid!) / before! - 1
  const verdict = growth <= MAX_GROWTH ? 'holds' : 'DOES NOT HOLD'
  console.log(`${verdict}: memory grows by ${(growth * 100).toFixed(1)} % (at most ${MAX_GROWTH * 100} %)`)
})
