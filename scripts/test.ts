import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { testCounts } from './test-counts.ts'

// npm test runs everything, npm test -- FILES and whatever vitest takes runs that.
// The files come in parts, so that one which does not end costs minutes: it is made again; a test that fails is not.
type Part = { name: string; args: string[]; minutes: number }
const COST = 'test/features/cost'
const SIDES = 2
/** Two run at a time, each on its share of the cores; those that take longest come first. */
const SIDE_BY_SIDE: Part[] = [
  ...[1, 2, 3, 4, 5, 6].map((n) => ({
    name: `worker-${n}`,
    args: ['--project', 'worker', `--shard=${n}/6`, `--exclude=${COST}/**`],
    minutes: 12,
  })),
  // It makes millions of rows, and waits for the next hour when this one is nearly over.
  { name: 'cost', args: ['--project', 'worker', COST], minutes: 20 },
  { name: 'contract', args: ['--project', 'contract'], minutes: 15 },
  { name: 'unit', args: ['--project', 'unit', '--project', 'cells'], minutes: 8 },
].map((part) => ({
  ...part,
  args: [...part.args, `--maxWorkers=${Math.max(1, Math.floor(availableParallelism() / SIDES))}`],
}))
/** Each takes all of the machine: browsers and servers, and what is bounded in time. */
const ALONE: Part[] = [
  ...[1, 2].map((n) => ({ name: `e2e-${n}`, args: ['--project', 'e2e', `--shard=${n}/2`], minutes: 15 })),
  { name: 'faults', args: ['--project', 'faults'], minutes: 15 },
]
const MAX_TRIES = 3
const LAST_LINES_MS = 2_000

/** Process groups that are running. However this ends, so do they. */
const running = new Set<number>()
process.once('exit', () => {
  for (const group of running) end(group)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

const given = process.argv.slice(2)
if (given.length > 0) {
  process.exitCode = (await vitest(given, 60)) ?? 1
} else {
  const folder = process.env.TEST_REPORTS ?? mkdtempSync(join(tmpdir(), 'parley-tests-'))
  let passed = true
  const runAll = async (parts: Iterator<Part>) => {
    for (let next = parts.next(); !next.done; next = parts.next()) passed = (await run(next.value, folder)) && passed
  }
  const shared = SIDE_BY_SIDE.values()
  await Promise.all(Array.from({ length: SIDES }, () => runAll(shared)))
  await runAll(ALONE.values())
  const { ok, summary } = testCounts(folder)
  if (!process.env.TEST_REPORTS) {
    rmSync(folder, { recursive: true, force: true })
    console.log(summary)
  }
  if (!passed || !ok) process.exitCode = 1
}

async function run({ name, args, minutes }: Part, folder: string): Promise<boolean> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${join(folder, `${name}.json`)}`]
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const status = await vitest([...args, ...reporters], minutes, name)
    if (status !== undefined) return status === 0
    console.log(`No end of ${name} after ${minutes} minutes: try ${tries} of ${MAX_TRIES}`)
  }
  return false
}

/**
 * The exit code; `undefined` when it took longer, and was ended with all that it had started. With a name, each line of its output
 * begins with it.
 */
function vitest(args: string[], minutes: number, name?: string): Promise<number | undefined> {
  const child = spawn('vitest', ['run', ...args], {
    stdio: name ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  for (const output of [child.stdout, child.stderr]) {
    if (output) createInterface({ input: output }).on('line', (line) => console.log(`${name} | ${line}`))
  }
  const group = child.pid
  if (group) running.add(group)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    if (group) end(group)
  }, minutes * 60_000)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', async (code) => {
      clearTimeout(timer)
      if (group) running.delete(group)
      // Its last lines; but what it has left behind may hold them open for ever.
      await Promise.race([once(child, 'close'), sleep(LAST_LINES_MS)])
      for (const output of [child.stdout, child.stderr]) output?.destroy()
      resolve(isLate ? undefined : (code ?? 1))
    })
  })
}

function end(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
