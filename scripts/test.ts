import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { testCounts } from './test-counts.ts'

// npm test runs everything, npm test -- FILES and whatever vitest takes runs that.
// The files come in parts, so that one which does not end costs minutes: it is made again; a test that fails is not.
type Part = { name: string; args: string[]; minutes: number }
const COST = 'test/features/cost'
/** Each keeps one core busy: two run at a time, the longest first. */
const SIDE_BY_SIDE: Part[] = [
  // It makes millions of rows, and waits for the next hour when this one is nearly over.
  { name: 'cost', args: ['--project', 'worker', COST], minutes: 20 },
  ...[1, 2, 3, 4, 5, 6].map((n) => ({
    name: `worker-${n}`,
    args: ['--project', 'worker', `--shard=${n}/6`, `--exclude=${COST}/**`],
    minutes: 12,
  })),
  { name: 'contract', args: ['--project', 'contract'], minutes: 15 },
  { name: 'unit', args: ['--project', 'unit', '--project', 'cells'], minutes: 8 },
]
/** Each takes all of the machine: browsers and servers, and what is bounded in time. */
const ALONE: Part[] = [
  ...[1, 2].map((n) => ({ name: `e2e-${n}`, args: ['--project', 'e2e', `--shard=${n}/2`], minutes: 15 })),
  { name: 'faults', args: ['--project', 'faults'], minutes: 15 },
]
const MAX_TRIES = 3

/** Process groups that are running. */
const running = new Set<number>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const group of running) process.kill(-group, 'SIGKILL')
    process.exit(130)
  })
}

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
  await Promise.all([runAll(shared), runAll(shared)])
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
    if (group) process.kill(-group, 'SIGKILL')
  }, minutes * 60_000)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      clearTimeout(timer)
      if (group) running.delete(group)
      resolve(isLate ? undefined : (code ?? 1))
    })
  })
}
