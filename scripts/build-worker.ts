import { join } from 'node:path'
import { buildWorker } from './bundle/build.ts'

// node scripts/build-worker.ts [realtime]: the Worker as it is deployed, into dist/worker, or that of channels and sockets alone, into
// dist/realtime. wrangler runs this before dev and deploy (wrangler.toml).
const ENTRIES: Record<string, string> = { worker: 'src/index.ts', realtime: 'src/realtime.ts' }

const name = process.argv[2] ?? 'worker'
const entry = ENTRIES[name]
if (!entry) throw new Error(`There is no Worker ${name}: ${Object.keys(ENTRIES).join(', ')}`)
await buildWorker(entry, join(import.meta.dirname, '../dist', name)).catch((error: Error) => {
  // It shows the place in the source.
  console.error(error.message)
  process.exitCode = 1
})
